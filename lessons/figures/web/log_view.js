// The log view: partitions as strips of records, who writes, who reads, and what is on its way.
//
// One ES module in the anywidget form. JupyterLab and VS Code call `render`; a page calls
// `mount(element, trace, options)`. Options beside those of every figure (see figure.js):
//
//   partitions  names of the strips to show; by default all of `topics`, or all there are
//   topics      names of topics; internal ones ("__...") are shown only when named
//   queues      names of queues to show; by default all
//   every       true: every step of the trace is a stop, also those that show nothing here
//   focus       for a strip the offset that the story is about, which is not rolled out of sight
//   values      true: cells are wider and show the record's value beside its key

import { Card } from "./card.js";
import { Cast, shownPartitions } from "./cast.js";
import { sentenceOf, tablesOf, touchedBy } from "./describe.js";
import { Discs } from "./discs.js";
import { FONT, clamp, mark, svg, textWidth } from "./dom.js";
import { Figure, pageModel, valuesOf } from "./figure.js";
import { Fold } from "./fold.js";
import { layoutOf, wayOf } from "./layout.js";
import { logRow, noteOf, queueRow, recordText } from "./rows.js";
import { Strip } from "./strip.js";

const VALUE_MAX_PX = 78;
const ROWS_MAX = 12;
/** A triangle, and "lag 12" beside a reader's name. */
const LAG_PX = 72;
const BLINK_MS = 40;
/** What a client's card or its triangles show. */
const SEEN_OF_CLIENTS = ["status", "positions", "read", "acked", "waiting", undefined];

class LogScene {
  constructor({ trace, flights, options }) {
    Object.assign(this, { trace, flights, options });
    this.cast = new Cast(trace);
    this.queues = options.queues ?? [...this.cast.queues];
    this.logs = shownPartitions(this.cast, options).slice(0, ROWS_MAX);
    this.names = [...this.queues, ...this.logs];
    this.producers = this.cast.kind("producer").map(({ name }) => name);
    this.consumers = this.cast.kind("consumer").map(({ name }) => name);
    const values = options.values ? (record) => record.value ?? "" : null;
    this.strips = new Map(this.names.map((name) => [name, new Strip(name, {
      cast: this.cast, labelled: name === this.logs[0], values, focus: options.focus?.[name],
    })]));
    this.cards = new Map([...this.producers, ...this.consumers].map((name) =>
      [name, new Card(name, this.cast)]));
    this.discs = new Discs(this.cast);
    this.element = svg("svg", { class: "oz-picture", "aria-hidden": "true", width: "100%" },
      ...[...this.strips.values(), ...this.cards.values()].map(({ element }) => element),
      this.discs.element);
    this.matters = this.matters.bind(this);
    this.telling = new Set(flights.all.filter((flight) => this.isTelling(flight))
      .map(({ id }) => id));
    this.final = new Fold(trace).at(trace.steps.length - 1);
    this.listen();
  }

  row(state, name) {
    return this.queues.includes(name) ? queueRow(state, name) : logRow(state, name);
  }

  rows(state) {
    return this.names.map((name) => this.row(state, name));
  }

  // -- layout --------------------------------------------------------------------------------

  resize(width) {
    const longest = Math.max(0, ...this.consumers.map((name) =>
      textWidth(name, FONT.label)));
    this.layout = layoutOf(width, {
      rows: this.names.map((name) => ({
        name,
        kind: this.queues.includes(name) ? "queue" : "log",
        lanes: this.cast.readers.get(name)?.length ?? 0,
        note: noteOf(this.row(this.final, name)).text,
      })),
      producers: this.producers,
      consumers: this.consumers,
      labelWidth: this.cast.readers.size > 0 ? longest + LAG_PX : 40,
      values: this.options.values ? this.valueWidth() : 0,
    });
    mark(this.element, "height", Math.ceil(this.layout.height));
    for (const [name, box] of this.layout.boxes) this.strips.get(name).place(box);
    for (const [name, box] of this.layout.cards) this.cards.get(name).place(box);
  }

  valueWidth() {
    const widths = [...this.cast.values].slice(0, 500).map((value) =>
      textWidth(value, FONT.small));
    return Math.min(VALUE_MAX_PX, Math.ceil(Math.max(0, ...widths)) + 8);
  }

  // -- drawing -------------------------------------------------------------------------------

  show(state, frame) {
    if (!this.layout) return;
    if (frame.playing) for (const strip of this.strips.values()) strip.pull(null);
    if (frame.step !== this.drawn || frame.motion === 0) {
      this.showStrips(state, frame.motion);
      const sends = new Map(this.flights.at(frame.step, frame.time)
        .filter(({ flight }) => this.placesOf(flight).length > 0 && this.isSeen(flight))
        .map(({ flight }) => [flight.from, flight.text]));
      for (const [name, card] of this.cards) card.show(state.clients?.[name], sends.get(name));
    }
    this.drawn = frame.step;
    this.state = state;
    this.fly(frame);
  }

  // A queue and the log beside it show the same message one above the other.
  showStrips(state, motion) {
    const strips = this.names.map((name) => [this.strips.get(name), this.row(state, name)]);
    const firsts = strips.map(([strip, row]) => strip.firstFor(row));
    const common = this.queues.length > 0 ? Math.max(...firsts) : null;
    strips.forEach(([strip, row], i) => strip.show(row, motion, common ?? firsts[i]));
  }

  fly(frame) {
    const items = new Map();
    for (const { flight, part, fallen } of this.flights.at(frame.step, frame.time)) {
      const back = this.cards.has(flight.to);
      const client = back ? flight.to : flight.from;
      const card = this.layout.cards.get(client);
      if (!card || !this.isSeen(flight)) continue;
      for (const place of this.placesOf(flight)) {
        const keys = this.cast.keysFor(flight, place);
        const path = wayOf(this.layout, card, this.landing(client, place, back));
        items.set(`${flight.id} ${place}`, { flight, part, fallen, back, path, keys });
      }
    }
    this.discs.show(items);
  }

  // Strips that a message goes to or comes from. What has to do with none is not drawn here.
  placesOf(flight) {
    const places = flight.partitions ?? [flight.partition ?? flight.to, flight.from];
    return places.filter((place) => this.strips.has(place));
  }

  // A message that is over in the blink of an eye, in a compressed pause, would only flicker.
  isSeen({ first, last, lost }) {
    if (lost) return true;
    const end = Math.min(last, this.clock.last);
    return this.clock.shownAt(end) - this.clock.shownAt(first) > BLINK_MS;
  }

  // A reader's messages come and go at its position, everything else at the end of the log.
  landing(client, place, back) {
    const strip = this.strips.get(place);
    const { row } = strip;
    if (row.kind === "queue" && back) return strip.below(row.first - 1);
    return strip.readers.ends.get(client) ?? strip.slot(row.end);
  }

  // -- what matters --------------------------------------------------------------------------

  // Commands and faults, what changes the picture, records on their way, and what gets lost.
  matters(step) {
    return ["command", "fault"].includes(step.cause?.kind) || step.lost?.length > 0
      || (step.set ?? []).some(([path]) => this.isShown(path.split("/")))
      || (step.sent ?? []).some(({ id }) => this.telling.has(id))
      || (step.received ?? []).some((id) => this.telling.has(id));
  }

  isShown([branch, first, second, third]) {
    if (branch === "nodes") return second === "status";
    if (branch === "partitions" || branch === "queues") return this.strips.has(first);
    if (branch === "logs") return this.strips.has(second) && third !== "epoch" && third !== "role";
    return branch === "clients" && this.cards.has(first) && SEEN_OF_CLIENTS.includes(second);
  }

  isTelling(message) {
    return (message.keys?.length > 0 || message.lost) && this.placesOf(message).length > 0;
  }

  // -- words ---------------------------------------------------------------------------------

  sentence(state, frame) {
    return sentenceOf(this.rows(state), touchedBy(this.trace.steps[frame.step]));
  }

  tables(state, frame) {
    const flying = this.flights.at(frame.step, frame.time);
    return tablesOf(state, this.rows(state), [...this.cards.keys()], flying);
  }

  legend() {
    return this.cast.lettering.legend();
  }

  // -- a record under the pointer ------------------------------------------------------------

  inspect(target) {
    const cell = target.closest?.("[data-offset]");
    const strip = target.closest?.("[data-row]");
    if (!cell || !strip) return null;
    return this.facts(strip.dataset.row, Number(cell.dataset.offset));
  }

  inspectAgain() {
    return this.selected && this.facts(...this.selected);
  }

  facts(name, offset) {
    const row = this.row(this.state, name);
    const record = row.records[offset];
    const cell = this.strips.get(name).cells.get(offset);
    if (!cell) return null;
    const found = { anchor: cell.element, place: [name, offset] };
    if (row.kind === "queue") {
      return { ...found, title: recordText(record), facts: [["queue", name]] };
    }
    const facts = [["partition", name]];
    if (record) {
      facts.push(["key", record.key ?? "none"], ["value", record.value ?? "null (tombstone)"]);
      if (record.timestamp !== undefined) facts.push(["timestamp", record.timestamp]);
      facts.push(["batch", batchText(row, offset)]);
      facts.push(["state", offset < row.hw ? "committed" : "not yet committed"]);
    } else {
      facts.push(["state", offset < row.start ? "deleted by retention" : "deleted by compaction"]);
    }
    return { ...found, title: `offset ${offset}`, facts };
  }

  select(found) {
    this.selected = found?.place ?? null;
    for (const [name, strip] of this.strips) {
      for (const [offset, cell] of strip.cells) {
        const mine = found?.place[0] === name && found.place[1] === offset;
        mark(cell.element, "data-selected", mine ? "" : null);
      }
    }
  }

  // -- a long log pulled by hand -------------------------------------------------------------

  listen() {
    let hold = null;
    this.element.addEventListener("pointerdown", (event) => {
      const strip = this.strips.get(event.target.closest?.("[data-row]")?.dataset.row);
      if (strip?.row) hold = { strip, x: event.clientX, first: strip.first };
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!hold || event.buttons === 0) return;
      const slots = Math.round((hold.x - event.clientX) / hold.strip.box.pitch);
      if (slots !== 0) this.pull(hold.strip, hold.first + slots);
    });
    this.element.addEventListener("pointerup", () => { hold = null; });
    this.element.addEventListener("wheel", (event) => {
      const strip = this.strips.get(event.target.closest?.("[data-row]")?.dataset.row);
      const by = event.shiftKey ? event.deltaY : event.deltaX;
      if (!strip?.row || Math.abs(by) < 1) return;
      this.pull(strip, strip.first + (Math.sign(by) * Math.max(1, Math.round(Math.abs(by) / 40))));
      event.preventDefault();
    }, { passive: false });
  }

  pull(strip, first) {
    const furthest = Math.max(0, strip.row.end - Math.floor(strip.slots / 2));
    strip.pull(clamp(first, 0, furthest));
    strip.show(strip.row, 0);
  }
}

function batchText(row, offset) {
  const base = row.records[offset].batch ?? offset;
  let last = offset;
  while (row.records[last + 1] && row.records[last + 1].batch === base) last += 1;
  return base === last ? "alone in its batch" : `offsets ${base} to ${last}`;
}

function render({ model, el }) {
  const figure = new Figure({ model, el }, (parts) => new LogScene(parts));
  return () => figure.remove();
}

/** Draw in a page. Returns the figure, whose `player` can be moved from outside. */
export function mount(el, trace, options = {}) {
  return new Figure({ model: pageModel(valuesOf(trace, options)), el },
    (parts) => new LogScene(parts));
}

export { Fold };
export default { render };
