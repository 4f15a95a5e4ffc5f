// Consumer positions below a strip: a triangle at the next offset to read, a name, and the lag.
//
// Each reader has a lane. The one who is furthest ahead has the first lane and words stand to
// the right of their triangle, so the thin stem that ties a lower triangle to the strip passes
// to the left of every word above it, and crosses none.

import { FONT, clamp, fit, keep, mark, place, svg, textWidth, write } from "./dom.js";

export const LANE_HEIGHT = 21;
const UP = "M0 0L6.5 11H-6.5Z";
const LEFT = "M-5 5.5L6 -0.5V11.5Z";
const RIGHT = "M5 5.5L-6 -0.5V11.5Z";

export class Readers {
  constructor(cast) {
    this.cast = cast;
    this.nodes = new Map();
    this.element = svg("g");
    /** Where each reader's words end, for the messages that come and go there. */
    this.ends = new Map();
  }

  show(row, strip) {
    const readers = [...row.readers].sort((a, b) => b.position - a.position
      || a.name.localeCompare(b.name));
    const items = new Map(readers.map((reader) => [reader.name, reader]));
    keep(this.nodes, items, (reader) => this.make(reader), ({ element }) => element.remove());
    this.ends.clear();
    readers.forEach((reader, lane) => this.showOne(reader, lane, strip));
  }

  make(reader) {
    const node = {
      stem: svg("line", { class: "oz-stem", x1: 0, x2: 0, y2: 0 }),
      triangle: svg("path", { class: "oz-triangle" }),
      name: svg("text", { class: "oz-reader-name" }),
      lag: svg("text", { class: "oz-small" }),
    };
    node.element = svg("g", { class: `oz-reader oz-move oz-${this.cast.colour(reader.name)}` },
      node.stem, node.triangle, node.name, node.lag);
    this.element.append(node.element);
    return node;
  }

  showOne(reader, lane, strip) {
    const { box } = strip;
    const node = this.nodes.get(reader.name);
    const [left, right] = [box.x + 4, box.x + box.width - 8];
    const edge = strip.edge(reader.position);
    const x = clamp(edge, left, right);
    const hidden = edge < left - 1 ? LEFT : edge > right + 1 ? RIGHT : null;
    const y = box.lanesY + lane * LANE_HEIGHT;
    place(node.element, x, y);
    mark(node.triangle, "d", hidden ?? UP);
    mark(node.stem, "y1", box.stemY - y);
    mark(node.stem, "visibility", hidden ? "hidden" : null);
    const gone = reader.status && reader.status !== "up";
    const lag = gone ? reader.status : `lag ${reader.lag}`;
    const lagWide = textWidth(lag, FONT.small);
    const name = fit(reader.name, box.laneRight - left - lagWide - 40, FONT.label);
    const nameWide = textWidth(name, FONT.label);
    write(node.name, name);
    write(node.lag, lag);
    mark(node.lag, "class", gone ? "oz-small oz-danger" : "oz-small");
    // At the strip's end there is no room to the right; the words change sides.
    const whole = nameWide + lagWide + 22;
    const turned = x + whole > box.laneRight;
    mark(node.name, "x", turned ? -whole : 12);
    mark(node.lag, "x", turned ? -12 - lagWide : 12 + nameWide + 10);
    mark(node.name, "y", 10);
    mark(node.lag, "y", 10);
    this.ends.set(reader.name, { x: turned ? x + 18 : x + whole + 18, y: y + 6 });
  }
}
