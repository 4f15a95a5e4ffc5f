// What a message between brokers means, in a pill at the height of its way.

import { FONT, keep, mark, style, svg, textWidth, write } from "./dom.js";

export class Pills {
  constructor() {
    this.nodes = new Map();
    this.element = svg("g");
  }

  /** `words`: `{ peak, text, back }` by the link's name; `back` means from right to left. */
  show(words) {
    keep(this.nodes, words, () => this.make(), ({ group }) => group.remove());
    for (const [name, { peak, text, back }] of words) {
      const { group, box, word } = this.nodes.get(name);
      const shown = back ? `← ${text}` : `${text} →`;
      const width = textWidth(shown, FONT.label) + 22;
      write(word, shown);
      mark(box, "x", -width / 2);
      mark(box, "width", width);
      style(group, "transform", `translate(${peak.x}px, ${peak.y}px)`);
    }
  }

  make() {
    const box = svg("rect", { class: "oz-pill-box", y: -11, height: 22, rx: 11 });
    const word = svg("text", { class: "oz-pill-word", dy: "0.36em" });
    const group = svg("g", { class: "oz-pill" }, box, word);
    this.element.append(group);
    return { group, box, word };
  }
}
