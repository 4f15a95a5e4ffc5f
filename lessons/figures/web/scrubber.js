// One scrubber: play, step, a track with ticks, and the virtual time.
//
// The track is a slider for the keyboard and for screen readers, and a strip of time for the
// hand: dragging moves through the time between steps as well, with messages in mid-air.

import { FONT, clamp, html, mark, style, svg, textWidth, write } from "./dom.js";
import { timeText } from "./clock.js";

const SNAP_PX = 7;
const TICK_GAP_PX = 5;
const PLAY = "M6.5 3.5v11l9-5.5z";
const PAUSE = "M4.5 3.5h3.2v11H4.5zM10.3 3.5h3.2v11h-3.2z";

export class Scrubber {
  /** `ticks` are `{ step, name?, fault? }`; `say(step)` puts a step into words. */
  constructor({ player, clock, ticks, say }) {
    Object.assign(this, { player, clock, ticks, say });
    this.done = html("div", { class: "oz-done" });
    this.thumb = html("div", { class: "oz-thumb" });
    this.marks = html("div", { class: "oz-ticks" });
    this.names = html("div", { class: "oz-names" });
    this.rail = html("div", { class: "oz-rail" }, this.done, this.marks, this.thumb, this.names);
    this.track = html("div", {
      class: "oz-track", role: "slider", tabindex: "0", "aria-label": "Virtual time",
      "aria-valuemin": "0", "aria-valuemax": String(clock.last),
    }, this.rail);
    this.time = html("output", { class: "oz-time", "aria-live": "off" });
    this.play = button("oz-play", "Play", PLAY);
    this.back = button("oz-step", "One step back", "M12.5 4v10l-7-5zM4 4h1.6v10H4z");
    this.forward = button("oz-step", "One step forward", "M5.5 4v10l7-5zM12.4 4H14v10h-1.6z");
    const buttons = html("div", { class: "oz-buttons" }, this.play, this.back, this.forward);
    this.element = html("div", { class: "oz-controls" }, buttons, this.track, this.time);
    if (ticks.some((tick) => tick.name)) this.element.classList.add("oz-named");
    this.listen();
  }

  listen() {
    this.play.addEventListener("click", () => this.player.toggle());
    this.back.addEventListener("click", () => this.player.stepBy(-1));
    this.forward.addEventListener("click", () => this.player.stepBy(1));
    this.track.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.track.setPointerCapture(event.pointerId);
      this.track.focus({ preventScroll: true });
      this.player.seek(this.pointed(event, true));
      event.preventDefault();
    });
    this.track.addEventListener("pointermove", (event) => {
      if (this.track.hasPointerCapture(event.pointerId)) this.player.seek(this.pointed(event));
    });
  }

  // A click on a tick means the tick, not a moment beside it.
  pointed(event, snap = false) {
    const { left, width } = this.rail.getBoundingClientRect();
    const x = clamp(event.clientX - left, 0, width);
    if (snap) {
      const near = this.ticks.find((tick) => Math.abs(this.place(tick.step) * width - x) < SNAP_PX);
      if (near) return near.step;
    }
    return this.clock.positionAt((x / width) * this.clock.total);
  }

  place(position) {
    return this.clock.shownAt(position) / this.clock.total;
  }

  /** Ticks, as many as there is room for; faults always, and their names where they fit. */
  resize() {
    const width = this.rail.clientWidth;
    this.marks.replaceChildren();
    this.names.replaceChildren();
    let lastTick = -Infinity;
    let lastName = -Infinity;
    const named = (tick) => Number(Boolean(tick.name));
    for (const tick of [...this.ticks].sort((a, b) => a.step - b.step || named(b) - named(a))) {
      const x = this.place(tick.step) * width;
      if (!tick.name && x - lastTick < TICK_GAP_PX) continue;
      lastTick = x;
      const tone = tick.fault ? "oz-tick oz-fault" : tick.name ? "oz-tick oz-moment" : "oz-tick";
      const line = html("i", { class: tone, title: tick.name || this.say(tick.step) });
      style(line, "left", `${Math.round(x)}px`);
      this.marks.append(line);
      if (tick.name) lastName = this.name(tick, x, width, lastName);
    }
  }

  name(tick, x, width, lastName) {
    const wide = textWidth(tick.name, FONT.label);
    const left = clamp(x - wide / 2, 0, Math.max(0, width - wide));
    if (left < lastName + 10 || wide > width) return lastName;
    const name = html("span", { class: tick.fault ? "oz-fault" : "oz-moment" }, tick.name);
    style(name, "left", `${left}px`);
    this.names.append(name);
    return left + wide;
  }

  show(frame) {
    const percent = `${(this.place(frame.position) * 100).toFixed(3)}%`;
    style(this.done, "width", percent);
    style(this.thumb, "left", percent);
    write(this.time, `t = ${timeText(frame.time)}`);
    mark(this.track, "aria-valuenow", frame.step);
    const where = `Step ${frame.step + 1} of ${this.clock.last + 1}, ${timeText(frame.time)}`;
    mark(this.track, "aria-valuetext", `${where}: ${this.say(frame.step)}`);
    mark(this.play, "aria-label", frame.playing ? "Pause" : "Play");
    mark(this.play.querySelector("path"), "d", frame.playing ? PAUSE : PLAY);
    mark(this.back, "disabled", frame.position <= 0 && "");
    mark(this.forward, "disabled", frame.position >= this.clock.last && "");
  }
}

function button(name, label, path) {
  const icon = svg("svg", { viewBox: "0 0 18 18", width: 18, height: 18, "aria-hidden": "true" },
    svg("path", { d: path }));
  return html("button", { type: "button", class: name, "aria-label": label, title: label }, icon);
}

/** What deserves a tick: commands as such, faults by name, and moments that the page names. */
export function ticksOf(trace, moments = []) {
  const ticks = moments.map(([step, name]) => ({ step, name }));
  const commands = trace.header?.commands ?? [];
  trace.steps.forEach(({ cause, time }, step) => {
    if (cause?.kind === "fault") {
      // By its time, because a lesson may have put steps of its own into the trace.
      const call = commands.find((command) => command[0] === step && (command[3] ?? time) === time)
        ?? commands.find((command) => command[3] === time);
      ticks.push({ step, name: faultName(call, cause.text), fault: true });
    } else if (cause?.kind === "command") {
      ticks.push({ step });
    }
  });
  return ticks.filter((tick) => tick.step >= 0 && tick.step < trace.steps.length);
}

function faultName(call, text) {
  if (!call) return text.length > 28 ? `${text.slice(0, 27)}…` : text;
  const [, name, args] = call;
  // As it would be written in a lesson; what was left at "no" is not said.
  const told = Object.entries(args ?? {}).flatMap(([word, value]) => {
    if (value === false || value === null) return [];
    if (value === true) return [word];
    return Array.isArray(value?.[0]) ? value : [value];
  });
  const texts = told.map((value) => (Array.isArray(value) ? `{${value.join(", ")}}` : value));
  return `${name}(${texts.join(", ")})`;
}
