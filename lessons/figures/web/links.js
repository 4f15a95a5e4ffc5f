// Links that are cut: a gap with two bars, where the way of the messages was.

import { keep, mark, svg } from "./dom.js";

export class Links {
  constructor() {
    this.nodes = new Map();
    this.element = svg("g");
  }

  /** `cuts`: `{ path, peak, upright, text }` by the link's name. */
  show(cuts) {
    keep(this.nodes, cuts, () => this.make(), ({ group }) => group.remove());
    for (const [name, { path, peak, upright, text }] of cuts) {
      const { group, way, sign, hint } = this.nodes.get(name);
      mark(way, "d", path);
      mark(sign, "transform", `translate(${peak.x} ${peak.y})${upright ? " rotate(90)" : ""}`);
      hint.textContent = text;
      group.dataset.link = name;
    }
  }

  make() {
    const hint = svg("title");
    const way = svg("path", { class: "oz-cut-way" });
    const sign = svg("g", {}, svg("rect", {
      class: "oz-ground", x: -9, y: -10, width: 18, height: 20,
    }), svg("path", { class: "oz-cut-bars", d: "M-4 -8V8M4 -8V8" }));
    const group = svg("g", { class: "oz-cut" }, hint, way, sign);
    this.element.append(group);
    return { group, way, sign, hint };
  }
}

/** Who can no longer reach whom, from the state's `links`: "1~2": "cut", or "cut ->" one way. */
export function cutsOf(state) {
  return Object.entries(state.links ?? {}).filter(([, value]) => value)
    .map(([name, value]) => {
      const [from, to] = name.split("~");
      const oneWay = value.includes("->");
      const text = oneWay ? `${from} cannot reach ${to}` : `${from} and ${to} are cut`;
      return { name, from, to, text };
    });
}
