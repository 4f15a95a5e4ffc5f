// A broker: its name, what it is in the quorum, and its replicas, each a strip of its own.

import { mark, svg, write } from "./dom.js";
import { Strip } from "./strip.js";

export class BrokerCard {
  constructor(name, { cast, partitions }) {
    Object.assign(this, { name, partitions });
    this.box = svg("rect", { class: "oz-card-box", rx: 12 });
    this.title = svg("text", { class: "oz-name" });
    this.state = svg("text", { class: "oz-small", "text-anchor": "end" });
    this.strips = new Map(partitions.map((partition) => {
      const strip = new Strip(partition, { cast, labelled: false, values: null });
      mark(strip.note, "text-anchor", "end");
      mark(strip.element, "data-row", `${name} ${partition}`);
      return [partition, strip];
    }));
    this.element = svg("g", { class: "oz-card oz-broker" }, this.box, this.title, this.state,
      ...[...this.strips.values()].map(({ element }) => element));
  }

  place(box, stripBoxes) {
    for (const [side, value] of Object.entries({ x: box.x + 0.5, y: box.y + 0.5,
      width: box.width - 1, height: box.height - 1 })) mark(this.box, side, value);
    mark(this.title, "x", box.x + 14);
    mark(this.title, "y", box.y + 24);
    mark(this.state, "x", box.x + box.width - 14);
    mark(this.state, "y", box.y + 24);
    for (const [partition, strip] of this.strips) strip.place(stripBoxes(partition));
  }

  /** `broker` is what brokerRow says, `rows` the replicas by partition. */
  show(broker, rows, motion) {
    mark(this.element, "data-gone", broker.gone ? "" : null);
    write(this.title, `broker ${this.name}`);
    write(this.state, broker.note.text);
    mark(this.state, "class", broker.note.tone ? `oz-small oz-${broker.note.tone}` : "oz-small");
    for (const [partition, strip] of this.strips) {
      const row = rows.get(partition);
      strip.show(row, motion);
      mark(strip.element, "visibility", row.held ? null : "hidden");
    }
  }
}
