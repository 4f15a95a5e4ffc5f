// Messages in flight: small discs on dotted ways.
//
// A message with records is a short train of discs with their keys' letters; every other
// message is one disc with an arrow in its direction. A lost one stops half way.

import { keep, mark, place, svg, write } from "./dom.js";

const TRAIN_MAX = 3;
const RADIUS = 9;
const SPACING = 20;
/** A message that has just left stands clear of its sender. */
const CLEAR_PX = 16;
const LOST_AT = 0.5;

export class Discs {
  constructor(cast) {
    this.cast = cast;
    this.nodes = new Map();
    this.ways = svg("g");
    this.trains = svg("g");
    this.element = svg("g", {}, this.ways, this.trains);
  }

  /** `items` maps ids to `{ flight, part, back, path, keys }`; `back` comes from the path's end. */
  show(items) {
    keep(this.nodes, items, (item) => this.make(item), (node) => {
      node.way.remove();
      node.train.remove();
    });
    for (const [id, item] of items) this.move(this.nodes.get(id), item);
  }

  make({ flight, keys }) {
    const way = svg("path", { class: "oz-way" });
    const hint = svg("title", {}, `${flight.name}: ${flight.text}`);
    const train = svg("g", { class: "oz-message" }, hint);
    const cars = keys.length > 0 ? this.carriages(keys) : [arrow()];
    train.append(...[...cars].reverse());
    this.ways.append(way);
    this.trains.append(train);
    return { way, train, cars };
  }

  carriages(keys) {
    const shown = keys.slice(0, TRAIN_MAX);
    const cars = shown.map((key) => {
      const sign = this.cast.lettering.of(key === "·" ? null : key);
      return svg("g", { class: `oz-disc oz-key-${sign?.colour ?? "none"}` },
        svg("circle", { class: "oz-box", r: RADIUS }),
        svg("text", { class: "oz-letter oz-tiny", dy: "0.36em" }, sign?.letter ?? "·"));
    });
    if (keys.length > shown.length) {
      const more = `+${keys.length - shown.length}`;
      cars.push(svg("g", { class: "oz-disc" },
        svg("text", { class: "oz-small oz-more", dy: "0.36em" }, more)));
    }
    return cars;
  }

  move({ way, train, cars }, { flight, part, back, path }) {
    mark(way, "d", path);
    const length = way.getTotalLength();
    const lost = flight.lost && part >= LOST_AT;
    mark(train, "class", lost ? "oz-message oz-lost" : "oz-message");
    const gone = flight.lost ? Math.min(part, LOST_AT) : part;
    const front = CLEAR_PX + gone * Math.max(0, length - CLEAR_PX);
    cars.forEach((car, i) => {
      const travelled = Math.max(0, front - i * SPACING);
      // What has not left yet is not seen: it would lie upon its sender's card.
      mark(car, "visibility", i > 0 && front - i * SPACING < RADIUS ? "hidden" : null);
      const at = way.getPointAtLength(back ? length - travelled : travelled);
      place(car, at.x, at.y);
      if (car.arrow) this.turn(car, way, back ? length - travelled : travelled, back);
    });
    write(train.firstChild, `${flight.name}: ${flight.text}${flight.lost ? " (lost)" : ""}`);
  }

  turn(car, way, at, back) {
    const [from, to] = [way.getPointAtLength(at - 2), way.getPointAtLength(at + 2)];
    const angle = (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI + (back ? 180 : 0);
    mark(car.arrow, "transform", `rotate(${Math.round(angle)})`);
  }
}

function arrow() {
  const disc = svg("g", { class: "oz-disc oz-plain" }, svg("circle", { class: "oz-box", r: 7 }));
  disc.arrow = svg("path", { class: "oz-chevron", d: "M-1.8 -3L1.7 0L-1.8 3" });
  disc.append(disc.arrow);
  return disc;
}
