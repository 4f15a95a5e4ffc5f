// Messages in flight: small discs on dotted ways.
//
// A message with records is a short train of discs with their keys' letters; every other
// message is one disc with an arrow in its direction. A lost one lies where it fell.

import { FONT, keep, mark, place, svg, textWidth, write } from "./dom.js";

const TRAIN_MAX = 3;
const RADIUS = 9;
const SPACING = 20;
/** A message that has just left stands clear of its sender. */
const CLEAR_PX = 16;

export class Discs {
  constructor(cast) {
    this.cast = cast;
    this.nodes = new Map();
    /** Words end here; the ways themselves keep clear of the edge. */
    this.right = Infinity;
    this.ways = svg("g");
    this.trains = svg("g");
    this.element = svg("g", {}, this.ways, this.trains);
  }

  /** `items`: `{ flight, part, fallen, back, path, keys }` by id; `back` is from the way's end. */
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
    if (flight.lost) cars.push(tag("lost", "oz-danger"));
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
      cars.push(tag(`+${keys.length - shown.length}`));
    }
    return cars;
  }

  move({ way, train, cars }, { flight, part, fallen, back, path }) {
    mark(way, "d", path);
    const length = way.getTotalLength();
    mark(train, "class", fallen ? "oz-message oz-lost" : "oz-message");
    const front = CLEAR_PX + part * Math.max(0, length - CLEAR_PX);
    cars.forEach((car, i) => {
      const behind = front - i * SPACING - (car.longer ?? 0);
      const travelled = Math.max(0, behind);
      // What has not left yet is not seen: it would lie upon its sender's card.
      mark(car, "visibility", i > 0 && behind < RADIUS ? "hidden" : null);
      const at = way.getPointAtLength(back ? length - travelled : travelled);
      place(car, Math.min(at.x, this.right - (car.half ?? 0)), at.y);
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

// A word at the end of the train, on a ground of its own that hides the way behind it.
function tag(text, tone = "") {
  const wide = textWidth(text, FONT.label) + 8;
  const word = svg("g", { class: tone ? "oz-disc oz-word" : "oz-disc" },
    svg("rect", { class: "oz-ground", x: -wide / 2, y: -8, width: wide, height: 16, rx: 8 }),
    svg("text", { class: `oz-small oz-more ${tone}`, dy: "0.36em" }, text));
  word.half = wide / 2;
  word.longer = Math.max(0, word.half - RADIUS);
  return word;
}

function arrow() {
  const disc = svg("g", { class: "oz-disc oz-plain" }, svg("circle", { class: "oz-box", r: 7 }));
  disc.arrow = svg("path", { class: "oz-chevron", d: "M-1.8 -3L1.7 0L-1.8 3" });
  disc.append(disc.arrow);
  return disc;
}
