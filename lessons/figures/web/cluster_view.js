// The cluster view: brokers with their replicas, who leads and who follows, and what is on its way.
//
// Options beside those of every figure (see figure.js):
//
//   partitions  names of the partitions to show; by default all of `topics`, or all there are
//   topics      names of topics; internal ones ("__...") are shown only when named
//   clients     names of the clients to show; by default all producers and consumers
//   messages    "all", or "telling" (the default): only those with records, votes, and what
//               changes who leads or is in sync
//   every       true: every step of the trace is a stop

import { BrokerCard } from "./broker_card.js";
import { Card } from "./card.js";
import { Cast, shownPartitions } from "./cast.js";
import { clusterLayout, linkOf } from "./cluster_layout.js";
import { DECISIVE, clusterSentence, clusterTables } from "./describe_cluster.js";
import { Discs } from "./discs.js";
import { mark, svg } from "./dom.js";
import { Figure, pageModel, valuesOf } from "./figure.js";
import { Links, cutsOf } from "./links.js";
import { Pills } from "./pills.js";
import { brokerRow, recordText, replicaRow } from "./rows.js";

const PARTITIONS_MAX = 4;
const BLINK_MS = 40;
const SEEN_OF_NODES = ["status", "controller", "role", "epoch", "fenced", undefined];
const SEEN_OF_CLIENTS = ["status", "acked", "read", "waiting", undefined];

class ClusterScene {
  constructor({ trace, flights, options, told }) {
    Object.assign(this, { trace, flights, options, told });
    this.cast = new Cast(trace);
    this.partitions = shownPartitions(this.cast, options).slice(0, PARTITIONS_MAX);
    this.brokers = this.cast.brokers();
    this.clients = options.clients ?? ["producer", "consumer"].flatMap((kind) =>
      this.cast.kind(kind).map(({ name }) => name));
    this.order = [...this.clients, ...this.brokers];
    this.brokerCards = new Map(this.brokers.map((name) =>
      [name, new BrokerCard(name, { cast: this.cast, partitions: this.partitions })]));
    this.clientCards = new Map(this.clients.map((name) => [name, new Card(name, this.cast)]));
    this.discs = new Discs(this.cast);
    this.links = new Links();
    this.pills = new Pills();
    this.matters = this.matters.bind(this);
    this.telling = new Set(flights.all.filter((flight) => this.isTelling(flight))
      .map(({ id }) => id));
    this.element = svg("svg", { class: "oz-picture", "aria-hidden": "true", width: "100%" },
      ...[...this.brokerCards.values(), ...this.clientCards.values()]
        .map(({ element }) => element),
      this.links.element, this.discs.element, this.pills.element);
  }

  rows(state, broker) {
    return new Map(this.partitions.map((name) => [name, replicaRow(state, broker, name)]));
  }

  // -- layout and drawing --------------------------------------------------------------------

  resize(width) {
    this.layout = clusterLayout(width, {
      brokers: this.brokers, clients: this.clients, strips: this.partitions,
    });
    mark(this.element, "height", Math.ceil(this.layout.height));
    for (const [name, card] of this.brokerCards) {
      card.place(this.layout.brokers.get(name),
        (partition) => this.layout.strips.get(`${name} ${partition}`));
    }
    this.discs.right = width;
    for (const [name, box] of this.layout.clients) this.clientCards.get(name).place(box);
  }

  show(state, frame) {
    if (!this.layout) return;
    if (frame.step !== this.drawn || frame.motion === 0) {
      for (const [name, card] of this.brokerCards) {
        card.show(brokerRow(state, name), this.rows(state, name), frame.motion);
      }
      const sends = new Map(this.flights.at(frame.step, frame.time)
        .filter(({ flight }) => this.telling.has(flight.id))
        .map(({ flight }) => [flight.from, flight.text]));
      for (const [name, card] of this.clientCards) {
        card.show(state.clients?.[name], sends.get(name));
      }
      this.showCuts(state);
    }
    this.drawn = frame.step;
    this.state = state;
    this.fly(frame);
  }

  showCuts(state) {
    const shown = cutsOf(state).filter(({ from, to }) => this.between(from, to));
    this.links.show(new Map(shown.map((cut) => {
      const { ends } = this.between(cut.from, cut.to);
      const link = linkOf(this.layout, ...ends);
      return [cut.name, { ...link, upright: !this.layout.beside, text: cut.text }];
    })));
  }

  // Both ends in the order of the stage, and whether the message runs against it.
  between(from, to) {
    const [a, b] = [this.order.indexOf(from), this.order.indexOf(to)];
    if (a < 0 || b < 0 || a === b) return null;
    if (Math.max(a, b) < this.clients.length) return null;
    return { ends: a < b ? [from, to] : [to, from], back: a > b };
  }

  fly(frame) {
    const items = new Map();
    const words = new Map();
    for (const { flight, part, fallen } of this.flights.at(frame.step, frame.time)) {
      const way = this.between(flight.from, flight.to);
      if (!way || !this.isSeen(flight)) continue;
      const { path, peak } = linkOf(this.layout, ...way.ends);
      const keys = flight.keys ?? [];
      items.set(flight.id, { flight, part, fallen, back: way.back, path, keys });
      if (this.telling.has(flight.id) && keys.length === 0 && this.layout.beside) {
        words.set(way.ends.join(" "), { peak, text: flight.text, back: way.back });
      }
    }
    this.discs.show(items);
    this.pills.show(words);
  }

  isSeen({ id, first, last, lost }) {
    if (this.options.messages !== "all" && !this.telling.has(id) && !lost) return false;
    if (lost) return true;
    const end = Math.min(last, this.clock.last);
    return this.clock.shownAt(end) - this.clock.shownAt(first) > BLINK_MS;
  }

  // -- what matters --------------------------------------------------------------------------

  matters(step) {
    return ["command", "fault"].includes(step.cause?.kind) || step.lost?.length > 0
      || (step.set ?? []).some(([path]) => this.isShown(path.split("/")))
      || (step.sent ?? []).some(({ id }) => this.telling.has(id))
      || (step.received ?? []).some((id) => this.telling.has(id));
  }

  isShown([branch, first, second, third]) {
    if (branch === "nodes") return SEEN_OF_NODES.includes(second);
    if (branch === "links") return true;
    if (branch === "partitions") return this.partitions.includes(first);
    if (branch === "logs") return this.partitions.includes(second);
    return branch === "clients" && this.clientCards.has(first)
      && SEEN_OF_CLIENTS.includes(second) && third === undefined;
  }

  isTelling(message) {
    if (!this.between(message.from, message.to)) return false;
    if (message.keys?.length > 0 || this.told.has(message.id)) return true;
    return DECISIVE.includes(message.name.replace(" response", ""));
  }

  // -- words ---------------------------------------------------------------------------------

  sentence(state, frame) {
    return clusterSentence(state, this.brokers, this.partitions, this.trace.steps[frame.step]);
  }

  tables(state, frame) {
    const flying = this.flights.at(frame.step, frame.time);
    return clusterTables(state, this.brokers, this.partitions, this.clients, flying);
  }

  legend() {
    return this.cast.lettering.legend();
  }

  // -- a record under the pointer ------------------------------------------------------------

  inspect(target) {
    const cell = target.closest?.("[data-offset]");
    const strip = target.closest?.("[data-row]");
    return cell && strip ? this.facts(strip.dataset.row, Number(cell.dataset.offset)) : null;
  }

  inspectAgain() {
    return this.selected && this.facts(...this.selected);
  }

  facts(name, offset) {
    const [broker, partition] = name.split(" ");
    const row = replicaRow(this.state, broker, partition);
    const cell = this.brokerCards.get(broker)?.strips.get(partition)?.cells.get(offset);
    if (!cell) return null;
    const state = offset < row.hw ? "committed, as far as it knows" : "not yet committed";
    return {
      anchor: cell.element, place: [name, offset], title: `offset ${offset}`,
      facts: [["replica", `${partition} on broker ${broker}`],
        ["record", recordText(row.records[offset])], ["state", state]],
    };
  }

  select(found) {
    this.selected = found?.place ?? null;
    for (const [broker, { strips }] of this.brokerCards) {
      for (const [partition, { cells }] of strips) {
        for (const [offset, cell] of cells) {
          const mine = found?.place[0] === `${broker} ${partition}` && found.place[1] === offset;
          mark(cell.element, "data-selected", mine ? "" : null);
        }
      }
    }
  }
}

function render({ model, el }) {
  const figure = new Figure({ model, el }, (parts) => new ClusterScene(parts));
  return () => figure.remove();
}

/** Draw in a page. Returns the figure, whose `player` can be moved from outside. */
export function mount(el, trace, options = {}) {
  return new Figure({ model: pageModel(valuesOf(trace, options)), el },
    (parts) => new ClusterScene(parts));
}

export default { render };
