// The timeline: a line for each broker and client, and the messages between them over time.
//
// Options beside those of every figure (see figure.js):
//
//   who         names of the lines from top to bottom; by default all clients and brokers
//   messages    kinds of messages, as "Vote"; by default those with records, votes, and what
//               changes who leads or is in sync
//   partitions, topics   whose leaders are marked on the lines

import { Cast, shownPartitions } from "./cast.js";
import { DECISIVE, clusterSentence, clusterTables } from "./describe_cluster.js";
import { FONT, keep, mark, svg, textWidth } from "./dom.js";
import { Figure, pageModel, valuesOf } from "./figure.js";
import { Fold } from "./fold.js";
import { Lane, historyOf } from "./lanes.js";
import { timelineLayout, windowAt, xOf } from "./timeline_layout.js";

const NAMED_MAX = 1;
const HEAD = 7;

class TimelineScene {
  constructor({ trace, flights, options, told }) {
    Object.assign(this, { trace, flights, options, told });
    this.cast = new Cast(trace);
    this.partitions = shownPartitions(this.cast, options);
    this.brokers = this.cast.brokers();
    const clients = ["producer", "consumer"].flatMap((kind) =>
      this.cast.kind(kind).map(({ name }) => name));
    this.names = options.who?.length > 0 ? options.who.map(String) : [...clients, ...this.brokers];
    this.lanes = new Map(this.names.map((name) =>
      [name, new Lane(name, this.brokers.includes(name) ? `broker ${name}` : name)]));
    this.shown = flights.all.filter((flight) => this.isShown(flight));
    this.ids = new Set(this.shown.map(({ id }) => id));
    this.faults = trace.steps.flatMap((step, i) => (step.cause?.kind === "fault" ? [i] : []));
    this.matters = this.matters.bind(this);
    this.strokes = new Map();
    this.faultNodes = new Map();
    const fold = new Fold(trace);
    this.histories = new Map(this.names.map((name) => [name, historyOf(name, trace.steps,
      (step) => fold.at(step), (state, host) => this.ledBy(state, host))]));
    this.now = svg("line", { class: "oz-now" });
    // Each widget evaluates this module anew: a count from one would be no name in a notebook.
    const clip = `oz-clip-${Math.random().toString(36).slice(2)}`;
    this.window = svg("rect", { y: 0 });
    this.strokeLayer = svg("g", { "clip-path": `url(#${clip})` });
    this.faultLayer = svg("g");
    this.words = svg("g");
    this.element = svg("svg", { class: "oz-picture", "aria-hidden": "true", width: "100%" },
      svg("clipPath", { id: clip }, this.window),
      ...[...this.lanes.values()].map(({ line }) => line), this.faultLayer, this.strokeLayer,
      this.now, ...[...this.lanes.values()].map(({ title }) => title), this.words);
  }

  ledBy(state, host) {
    return this.partitions.filter((name) => String(state.partitions?.[name]?.leader) === host);
  }

  isShown(flight) {
    if (!this.lanes.has(flight.from) || !this.lanes.has(flight.to)) return false;
    const kind = flight.name.replace(" response", "");
    const { messages } = this.options;
    if (messages?.length > 0) return messages.includes(kind);
    return flight.keys?.length > 0 || this.told.has(flight.id) || DECISIVE.includes(kind);
  }

  matters(step) {
    const { cause, sent = [], received = [], lost = [] } = step;
    return ["command", "fault"].includes(cause?.kind) || sent.some(({ id }) => this.ids.has(id))
      || [...received, ...lost].some((id) => this.ids.has(id))
      || (step.set ?? []).some(([path]) => this.isState(path.split("/")));
  }

  isState([branch, first, second]) {
    if (branch === "nodes") return ["status", "controller", undefined].includes(second);
    return branch === "partitions" && this.partitions.includes(first)
      && ["leader", "isr", undefined].includes(second);
  }

  // -- layout and drawing --------------------------------------------------------------------

  resize(width) {
    const lanes = [...this.lanes.values()];
    this.layout = timelineLayout(width, lanes.map(({ name }) => name),
      lanes.map(({ label }) => label));
    mark(this.element, "height", Math.ceil(this.layout.height));
    for (const [name, place] of this.layout.lanes) this.lanes.get(name).place(place);
    mark(this.window, "x", this.layout.left);
    mark(this.window, "width", this.layout.right - this.layout.left);
    mark(this.window, "height", this.layout.height);
    mark(this.now, "y1", 8);
    mark(this.now, "y2", this.layout.height - 12);
  }

  show(state, frame) {
    if (!this.layout) return;
    const shown = this.clock.shownAt(frame.position);
    this.view = windowAt(this.layout, shown, this.clock.total);
    this.x = (position) => xOf(this.layout, this.view, this.clock.shownAt(position));
    const now = this.x(frame.position);
    for (const line of ["x1", "x2"]) mark(this.now, line, now);
    this.showLanes(frame, now);
    this.showStrokes(frame, now);
    this.showFaults(frame);
  }

  inside(x) {
    return Math.max(this.layout.left, Math.min(this.layout.right, x));
  }

  showLanes(frame, now) {
    for (const [name, lane] of this.lanes) {
      const spans = new Map();
      this.histories.get(name).forEach(({ first, last, kind, text }, i) => {
        const until = Math.min(last, this.clock.last);
        const [from, to] = [this.inside(this.x(first)), this.inside(Math.min(now, this.x(until)))];
        if (first <= frame.position && to > from && kind !== "absent") {
          spans.set(i, { from, to, kind, text: `${name} ${text}` });
        }
      });
      lane.show(spans);
    }
  }

  showStrokes(frame) {
    const strokes = new Map();
    for (const flight of this.shown) {
      if (flight.first > frame.step) break;
      const stroke = this.strokeOf(flight, frame);
      if (stroke) strokes.set(flight.id, stroke);
    }
    keep(this.strokes, strokes, (_, id) => this.makeStroke(id), ({ group }) => group.remove());
    for (const [id, stroke] of strokes) this.draw(this.strokes.get(id), stroke);
    this.name([...strokes.values()].filter(({ fresh }) => fresh).slice(0, NAMED_MAX));
  }

  // From the line of the sender to that of the receiver, as far as the message has come by now.
  strokeOf(flight, frame) {
    const [a, b] = [this.layout.lanes.get(flight.from), this.layout.lanes.get(flight.to)];
    const end = flight.lost ? flight.falls : Math.min(flight.last, this.clock.last);
    const [x1, whole] = [this.x(flight.first), this.x(end)];
    const now = this.x(frame.position);
    const until = Math.min(now, whole);
    // What has all but left the window would be the splinter of an arrow.
    if (whole < this.layout.left + HEAD || x1 > this.layout.right) return null;
    const reach = flight.never ? 0.55 : 1;
    const part = whole > x1 ? ((until - x1) / (whole - x1)) * reach : reach;
    return {
      flight, x1, y1: a.y, x2: x1 + (whole - x1) * part, y2: a.y + (b.y - a.y) * part,
      fallen: flight.lost && until >= whole, fresh: flight.first === frame.step,
    };
  }

  makeStroke(id) {
    const flight = this.flights.all.find((known) => known.id === id);
    const key = this.cast.lettering.of(flight.keys?.[0]);
    const tone = key ? ` oz-key-${key.colour}` : "";
    const lost = flight.lost ? " (lost)" : "";
    const hint = svg("title", {}, `${flight.name}: ${flight.text}${lost}`);
    const line = svg("path", { class: `oz-stroke${tone}` });
    const head = svg("path", { class: `oz-head${tone}` });
    const group = svg("g", {}, hint, line, head);
    this.strokeLayer.append(group);
    return { group, line, head };
  }

  draw({ group, line, head }, { x1, y1, x2, y2, fallen }) {
    mark(group, "class", fallen ? "oz-stroke-lost" : null);
    mark(line, "d", `M${x1} ${y1}L${x2} ${y2}`);
    const long = Math.hypot(x2 - x1, y2 - y1) || 1;
    const [dx, dy] = [(x2 - x1) / long, (y2 - y1) / long];
    if (fallen) {
      const [left, right, top, bottom] = [x2 - 4, x2 + 4, y2 - 4, y2 + 4];
      mark(head, "d", `M${left} ${top}L${right} ${bottom}M${right} ${top}L${left} ${bottom}`);
      return;
    }
    const [bx, by] = [x2 - dx * HEAD, y2 - dy * HEAD];
    mark(head, "d", `M${x2} ${y2}L${bx - dy * 3} ${by + dx * 3}L${bx + dy * 3} ${by - dx * 3}Z`);
  }

  // What the message means that has just left, where it left.
  name(strokes) {
    this.words.replaceChildren(...strokes.map(({ flight, x1, y1 }) => {
      const text = flight.text;
      const width = textWidth(text, FONT.label) + 18;
      const x = Math.max(this.layout.left, Math.min(this.layout.right - width, x1 + 8));
      return svg("g", { class: "oz-pill", transform: `translate(${x} ${y1 - 14})` },
        svg("rect", { class: "oz-pill-box", y: -10, width, height: 20, rx: 10 }),
        svg("text", { class: "oz-pill-word", x: width / 2, dy: "0.36em" }, text));
    }));
  }

  showFaults(frame) {
    const faults = new Map(this.faults.filter((step) => step <= frame.step)
      .map((step) => [step, this.x(step)])
      .filter(([, x]) => x >= this.layout.left && x <= this.layout.right));
    keep(this.faultNodes, faults, (_, step) => {
      const node = svg("g", { class: "oz-fault-mark" },
        svg("title", {}, this.trace.steps[step].cause.text), svg("line", { y1: 8 }));
      this.faultLayer.append(node);
      return node;
    });
    for (const [step, x] of faults) {
      const line = this.faultNodes.get(step).lastChild;
      for (const side of ["x1", "x2"]) mark(line, side, x);
      mark(line, "y2", this.layout.height - 12);
    }
  }

  // -- words ---------------------------------------------------------------------------------

  sentence(state, frame) {
    return clusterSentence(state, this.brokers, this.partitions, this.trace.steps[frame.step]);
  }

  tables(state, frame) {
    const flying = this.flights.at(frame.step, frame.time).filter(({ flight }) =>
      this.ids.has(flight.id));
    const clients = this.names.filter((name) => !this.brokers.includes(name));
    return [this.messageTable(frame),
      ...clusterTables(state, this.brokers, this.partitions, clients, flying)];
  }

  messageTable({ step }) {
    const told = this.shown.filter(({ first }) => first <= step).slice(-50);
    return {
      name: "Messages so far",
      columns: ["sent at", "from", "to", "message", "meaning"],
      rows: told.map(({ left, from, to, name, text, lost }) =>
        [`${(left / 1000).toFixed(1)} ms`, from, to, name, lost ? `${text} (lost)` : text]),
    };
  }

  legend() {
    return this.cast.lettering.legend();
  }
}

function render({ model, el }) {
  const figure = new Figure({ model, el }, (parts) => new TimelineScene(parts));
  return () => figure.remove();
}

/** Draw in a page. Returns the figure, whose `player` can be moved from outside. */
export function mount(el, trace, options = {}) {
  return new Figure({ model: pageModel(valuesOf(trace, options)), el },
    (parts) => new TimelineScene(parts));
}

export default { render };
