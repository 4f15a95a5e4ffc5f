// Brings a page to life: figures are drawn from their traces, questions ask, and a run stays
// folded until its question has a guess. All of it comes from files beside this one, as ordinary
// scripts, so that a page opened from a disk works too. Without JavaScript the words remain.

(() => {
  const assets = new URL(".", document.currentScript.src);
  const traces = new Map();
  const offsetZero = { trace: (name, data) => traces.set(name, data) };
  globalThis.offsetZero = offsetZero;

  const scripts = new Map();

  /** Load a script once. */
  function load(path) {
    if (!scripts.has(path)) {
      scripts.set(path, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = new URL(path, assets);
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${path} could not be loaded`));
        document.head.append(script);
      }));
    }
    return scripts.get(path);
  }

  // -- figures -----------------------------------------------------------------------------------

  /** Draw a figure in its place. */
  async function draw(place) {
    const { trace, options, plays, figure: kind } = place.dataset;
    await Promise.all([load("figures.js"), load(`traces/${trace}.js`)]);
    place.replaceChildren();
    const figure = offsetZero[kind].mount(place, traces.get(trace), JSON.parse(options));
    place.figure = figure;
    if (plays) playWhenSeen(place, figure);
    return figure;
  }

  /** Figures of one run that move together, with a list of moments to go to. */
  async function link(story) {
    const figures = await Promise.all([...story.querySelectorAll("[data-trace]")].map(draw));
    const go = (step, from) => {
      for (const figure of figures) {
        if (figure === from) continue;
        // Its model knows the step at once: else it would report later where it had been led.
        figure.model.set("step", step);
        if (figure.player.step !== step) figure.player.seek(step);
      }
    };
    const moments = [...story.querySelectorAll("[data-step]")];
    const reached = (step) => {
      const last = moments.findLast((moment) => Number(moment.dataset.step) <= step);
      for (const moment of moments) {
        if (moment === last) moment.setAttribute("aria-current", "step");
        else moment.removeAttribute("aria-current");
      }
    };
    for (const figure of figures) {
      figure.model.on("change:step", () => {
        go(figure.model.get("step"), figure);
        reached(figure.model.get("step"));
      });
    }
    for (const moment of moments) {
      moment.addEventListener("click", () => {
        go(Number(moment.dataset.step));
        reached(Number(moment.dataset.step));
      });
    }
    // From here on only the sentence of the moment that is shown stands there, beside its picture.
    story.classList.add("stepped");
    reached(figures[0].player.step);
  }

  /** Begin when the figure is in view, once, and not for those who want no movement. */
  function playWhenSeen(place, figure) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const watch = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      watch.disconnect();
      if (figure.player.position < figure.clock.last) figure.player.play();
    }, { threshold: 0.6 });
    watch.observe(place);
    // A hand on the figure is a wish to look for oneself.
    for (const touch of ["pointerdown", "keydown"]) {
      place.addEventListener(touch, () => watch.disconnect(), { capture: true, once: true });
    }
  }

  // -- questions ---------------------------------------------------------------------------------

  /** Ask, and unfold the run that has the answer as soon as there is a guess. */
  async function ask(place) {
    await load("figures.js");
    const model = offsetZero.log_view.pageModel(JSON.parse(place.dataset.values));
    place.replaceChildren();
    offsetZero.predict.render({ model, el: place });
    const run = document.querySelector(`[data-waits-for="${place.dataset.guess}"]`);
    if (!run) return;
    const unfold = fold(run);
    model.on("change:choice", unfold);
  }

  /** Fold a run behind a button; returns what unfolds it. */
  function fold(run) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "unfold";
    button.textContent = "Show the run without a guess";
    button.setAttribute("aria-expanded", "false");
    const inside = [...run.children];
    for (const part of inside) part.hidden = true;
    const unfold = () => {
      for (const part of inside) part.hidden = false;
      button.remove();
    };
    button.addEventListener("click", () => {
      unfold();
      run.tabIndex = -1;
      run.focus({ preventScroll: true });
    });
    run.append(button);
    return unfold;
  }

  // -- what scrolls sideways ---------------------------------------------------------------------

  /** A table or a listing that is too wide can be reached and scrolled with the keyboard. */
  function reachable() {
    for (const part of document.querySelectorAll(".wide, .printed")) {
      part.toggleAttribute("tabindex", part.scrollWidth > part.clientWidth);
      if (part.hasAttribute("tabindex")) part.tabIndex = 0;
    }
  }
  reachable();
  addEventListener("resize", reachable);

  for (const place of document.querySelectorAll("[data-trace]")) {
    if (!place.closest("[data-story]")) draw(place);
  }
  for (const story of document.querySelectorAll("[data-story]")) link(story);
  for (const place of document.querySelectorAll("[data-guess]")) ask(place);
})();
