// The frame around every figure: title, stage, caption, scrubber, table, and a sentence for
// screen readers. A figure adds a *scene*, which knows what to draw:
//
//   scene.element                  an SVG (or HTML) element, the stage
//   scene.resize(width)            lay out for a width; returns nothing, draws on the next show
//   scene.show(state, frame)       the state after frame.step, at frame.time; frame.motion is
//                                  for how many milliseconds what moves may move
//   scene.tables(state, frame)     the same state as [{ name, columns, rows }]
//   scene.sentence(state, frame)   what is there now, in a sentence or two
//   scene.matters?(step)           whether a step of the trace shows anything: the others are
//                                  not stepped to, and take no time of their own
//   scene.inspect?(target)         what a click meant: { anchor, lines } or null
//
// The widget model holds `trace` (schema 1), `title`, `subtitle`, `start`, `step`, `speed`,
// `moments` ([[step, name], ...]) and `options`, which the scene understands. `step` is kept up
// to date, so that Python can ask where the reader is and fork the run there.

import { Clock, timeText } from "./clock.js";
import { clamp, html, mark, measureLike, style, write } from "./dom.js";
import { Flights } from "./flights.js";
import { Fold } from "./fold.js";
import { Player } from "./player.js";
import { Scrubber, ticksOf } from "./scrubber.js";
import { tableOf } from "./table.js";

const LEAP = 10;
const SETTLED_MS = 150;
const WIDTH_MIN = 260;
const LEGEND_MAX = 8;
/** What the figure itself writes; everything else, when Python changes it, means a new figure. */
const OWN = ["step"];

let figures = 0;

export class Figure {
  constructor({ model, el }, makeScene) {
    this.model = model;
    this.el = el;
    this.makeScene = makeScene;
    this.rebuild = () => this.build();
    this.goToStep = () => {
      const step = model.get("step");
      if (typeof step === "number" && step !== this.player?.step) this.player?.seek(step);
    };
    const watched = ["trace", "title", "subtitle", "start", "speed", "moments", "options"];
    for (const name of watched) model.on(`change:${name}`, this.rebuild);
    for (const name of OWN) model.on(`change:${name}`, this.goToStep);
    this.watched = watched;
    this.build();
  }

  build() {
    this.stop();
    const { model } = this;
    const trace = model.get("trace") ?? {};
    this.el.replaceChildren();
    if (!trace.steps?.length) {
      this.el.append(html("p", { class: "oz-empty" }, "This trace has no steps yet."));
      return;
    }
    this.trace = trace;
    this.fold = new Fold(trace);
    this.flights = new Flights(trace.steps);
    const options = model.get("options") ?? {};
    const moments = (model.get("moments") ?? []).map(([step]) => step);
    this.scene = this.makeScene({
      trace, flights: this.flights, options, told: receivedAt(trace, moments),
    });
    const stops = stopsOf(trace, options.every ? () => true : this.scene.matters, moments);
    this.clock = new Clock(trace.steps, stops, model.get("speed") || 1);
    this.scene.clock = this.clock;
    this.flights.schedule(this.clock);
    this.player = new Player(this.clock, {
      moves: (low, high) => this.flights.between(low, high), show: (frame) => this.show(frame),
    });
    this.frame = null;
    this.assemble();
    this.listen();
    this.el.append(this.root);
    this.resize();
    this.player.seek(startOf(trace, model.get("start"), this.flights));
  }

  assemble() {
    const id = `oz-title-${(figures += 1)}`;
    const { model } = this;
    this.caption = html("p", { class: "oz-caption" });
    this.count = html("span", { class: "oz-count" });
    this.live = html("p", { class: "oz-live", role: "status", "aria-live": "polite" });
    this.stage = html("div", { class: "oz-stage" }, this.scene.element);
    this.note = html("div", { class: "oz-note", role: "note", hidden: "" });
    this.stage.append(this.note);
    this.tables = html("div", {
      class: "oz-tables", tabindex: "0", role: "region", "aria-label": "Table view", hidden: "",
    });
    this.toggle = html("button", {
      type: "button", class: "oz-toggle", "aria-pressed": "false",
      title: "The same state as a table",
    }, "table");
    this.scrubber = new Scrubber({
      player: this.player, clock: this.clock, say: (step) => this.say(step),
      ticks: ticksOf(this.trace, model.get("moments") ?? []),
    });
    const words = html("div", { class: "oz-words" },
      html("span", { class: "oz-title", id }, model.get("title") || "A run of the broker"), " ",
      html("span", { class: "oz-subtitle" }, model.get("subtitle") || ""),
      ...legendOf(this.scene.legend?.() ?? []));
    this.root = html("div", {
      class: "oz-figure", role: "group", tabindex: "-1",
      "aria-roledescription": "figure", "aria-labelledby": id,
      // JupyterLab would take the arrow keys for itself and go to the next cell.
      "data-lm-suppress-shortcuts": "true",
    }, html("div", { class: "oz-head" }, words, this.toggle), this.stage, this.tables,
    html("div", { class: "oz-said" }, this.caption, this.count), this.scrubber.element, this.live);
  }

  listen() {
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.toggle.addEventListener("click", () => this.showTables(this.tables.hidden));
    this.stage.addEventListener("click", (event) => this.click(event));
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.root);
    // A web font that arrives late has other widths.
    document.fonts?.ready.then(() => this.resize(true));
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (this.tables.contains(event.target)) return;
    const onButton = event.target.closest?.("button");
    const far = event.shiftKey ? LEAP : 1;
    const action = {
      " ": onButton ? null : () => this.player.toggle(),
      ArrowRight: () => this.player.stepBy(far),
      ArrowLeft: () => this.player.stepBy(-far),
      ArrowUp: () => this.player.stepBy(far),
      ArrowDown: () => this.player.stepBy(-far),
      PageUp: () => this.player.stepBy(LEAP),
      PageDown: () => this.player.stepBy(-LEAP),
      Home: () => this.player.seek(0),
      End: () => this.player.seek(this.clock.last),
      Escape: this.note.hidden ? null : () => this.inspect(null),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  click(event) {
    if (this.note.contains(event.target)) return;
    this.inspect(this.scene.inspect?.(event.target) ?? null);
    // From here on the keys are for this figure.
    this.root.focus({ preventScroll: true });
  }

  resize(again = false) {
    // In a hidden tab, or before the page is laid out, there is no width yet.
    if (this.stage.clientWidth === 0) return;
    const width = Math.max(this.stage.clientWidth, WIDTH_MIN);
    if (width === this.width && !again) return;
    this.width = width;
    measureLike(this.root);
    mark(this.root, "data-width", width < 560 ? "narrow" : width < 760 ? "middle" : "wide");
    this.scene.resize(width);
    this.scrubber.resize();
    if (this.frame) this.show({ ...this.frame, motion: 0 });
  }

  show(frame) {
    const state = this.fold.at(frame.step);
    const isNew = this.frame === null || this.frame.step !== frame.step;
    this.frame = frame;
    style(this.root, "--oz-motion", `${Math.round(frame.motion)}ms`);
    this.scrubber.show(frame);
    this.scene.show(state, frame);
    if (isNew) this.tell(state, frame);
    if (!this.note.hidden) this.inspect(this.scene.inspectAgain?.() ?? null);
  }

  tell(state, frame) {
    const { cause } = this.trace.steps[this.clock.stops[this.clock.hopAt(frame.step)]];
    write(this.caption, this.say(frame.step));
    mark(this.caption, "data-kind", cause?.kind ?? "");
    write(this.count, `step ${frame.step + 1} of ${this.clock.last + 1}`);
    const where = `Step ${frame.step + 1}, ${timeText(frame.time)}.`;
    const said = sentence(this.say(frame.step));
    write(this.live, `${where} ${said} ${this.scene.sentence(state, frame)}`);
    if (!this.tables.hidden) this.fillTables(state, frame);
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.report(), SETTLED_MS);
  }

  // Python hears where the reader has come to rest, not of every step on the way.
  report() {
    if (this.player.playing || this.model.get("step") === this.player.step) return;
    this.model.set("step", this.player.step);
    this.model.save_changes();
  }

  // Between two stops the last thing worth telling stands.
  say(step) {
    const stop = this.clock.stops[this.clock.hopAt(step)];
    return this.trace.steps[stop].cause?.text ?? "";
  }

  showTables(shown) {
    this.tables.hidden = !shown;
    this.scene.element.toggleAttribute("hidden", shown);
    style(this.scene.element, "display", shown ? "none" : "");
    mark(this.toggle, "aria-pressed", String(shown));
    this.inspect(null);
    if (shown) this.fillTables(this.fold.at(this.frame.step), this.frame);
    else this.resize(true);
  }

  fillTables(state, frame) {
    const top = this.tables.scrollTop;
    this.tables.replaceChildren(...this.scene.tables(state, frame).map(tableOf));
    this.tables.scrollTop = top;
  }

  inspect(found) {
    this.scene.select?.(found);
    this.note.hidden = found === null;
    if (found === null) return;
    this.note.replaceChildren(html("strong", {}, found.title),
      html("dl", {}, ...found.facts.flatMap(([name, value]) =>
        [html("dt", {}, name), html("dd", {}, value)])));
    const box = this.stage.getBoundingClientRect();
    const at = found.anchor.getBoundingClientRect();
    const { offsetWidth: wide, offsetHeight: high } = this.note;
    const left = clamp(at.left + (at.width - wide) / 2 - box.left, 0, box.width - wide);
    const above = at.top - box.top - high - 10;
    style(this.note, "left", `${Math.round(left)}px`);
    style(this.note, "top", `${Math.round(above < -40 ? at.bottom - box.top + 10 : above)}px`);
  }

  stop() {
    this.player?.stop();
    this.observer?.disconnect();
    this.scene?.stop?.();
    clearTimeout(this.settled);
    this.width = 0;
  }

  remove() {
    this.stop();
    for (const name of this.watched) this.model.off(`change:${name}`, this.rebuild);
    for (const name of OWN) this.model.off(`change:${name}`, this.goToStep);
  }
}

// Keys that are too long for a cell are told once, beside the letters that stand for them.
function legendOf(signs) {
  if (signs.length === 0) return [];
  const items = signs.slice(0, LEGEND_MAX).map(([key, { letter, colour }]) => html("li", {},
    html("span", { class: `oz-chip oz-key-${colour}` }, letter), key));
  const more = signs.length - LEGEND_MAX;
  if (more > 0) items.push(html("li", {}, `and ${more} more`));
  return [html("ul", { class: "oz-legend", "aria-label": "Keys" }, ...items)];
}

// A moment that the page names is a stop in each of its figures, and what arrives then is shown.
function stopsOf(trace, matters = () => true, moments = []) {
  const always = new Set([0, trace.steps.length - 1, ...moments]);
  return trace.steps.flatMap((step, i) => (always.has(i) || matters(step) ? [i] : []));
}

function receivedAt(trace, moments) {
  return new Set(moments.flatMap((step) => trace.steps[step]?.received ?? []));
}

function sentence(text) {
  return !text || /[.?!]$/.test(text) ? text : `${text}.`;
}

/**
 * The first frame, which must make the point by itself: a step (from the end when negative, and
 * between two steps when not whole), or words of the step's cause. By default the first fault, or
 * else the last moment at which records are on their way.
 */
export function startOf(trace, start, flights) {
  const last = trace.steps.length - 1;
  if (typeof start === "number") return start < 0 ? last + 1 + start : Math.min(start, last);
  if (typeof start === "string" && start !== "") {
    const found = trace.steps.findIndex(({ cause }) => cause?.text?.includes(start));
    if (found >= 0) return found;
  }
  const fault = trace.steps.findIndex(({ cause }) => cause?.kind === "fault");
  if (fault >= 0) return fault;
  const flying = flights.all.findLast((flight) => flight.keys?.length && !flight.lost);
  return flying ? (flying.first + flying.last) / 2 : last;
}

/** What a page's `mount(el, trace, options)` was given, as a widget's model holds it. */
export function valuesOf(trace, { title, subtitle, start, speed, moments, ...options }) {
  return { trace, title, subtitle, start, speed, moments, options };
}

/** A widget model for a page without a kernel: it holds values and tells who listens. */
export function pageModel(values) {
  const listeners = new Map();
  const model = {
    get: (name) => values[name],
    set(name, value) {
      if (values[name] === value) return;
      values[name] = value;
      for (const listener of listeners.get(`change:${name}`) ?? []) listener();
    },
    on: (name, listener) => listeners.set(name, [...(listeners.get(name) ?? []), listener]),
    off: (name, listener) =>
      listeners.set(name, (listeners.get(name) ?? []).filter((known) => known !== listener)),
    save_changes() {},
  };
  return model;
}
