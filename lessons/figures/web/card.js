// A client: its name, what it does, and the records it still waits for.

import { FONT, clamp, fit, mark, svg, textWidth, write } from "./dom.js";
import { doing } from "./rows.js";

const WAITING_MAX = 4;
const WAITING_PX = 19;

export class Card {
  constructor(name, cast) {
    Object.assign(this, { name, cast });
    this.kind = cast.clients.get(name)?.kind ?? "client";
    this.box = svg("rect", { class: "oz-card-box", rx: 10 });
    this.sign = svg("path", { class: "oz-triangle" });
    this.title = svg("text", { class: "oz-name" });
    this.does = svg("text", { class: "oz-small" });
    this.waiting = svg("g");
    const colour = this.kind === "consumer" ? ` oz-${cast.colour(name)}` : "";
    this.hint = svg("title");
    this.element = svg("g", { class: `oz-card${colour}` }, this.hint, this.box, this.sign,
      this.title, this.does, this.waiting);
  }

  place({ x, y, width, height }) {
    Object.assign(this, { x, y, width });
    mark(this.element, "transform", `translate(${x} ${y})`);
    mark(this.box, "x", 0.5);
    mark(this.box, "y", 0.5);
    mark(this.box, "width", width - 1);
    mark(this.box, "height", height - 1);
    mark(this.title, "y", 19);
    mark(this.does, "x", 14);
    mark(this.does, "y", 35);
  }

  show(client, sends) {
    const reads = this.kind === "consumer";
    const gone = client !== undefined && (client.status ?? "up") !== "up";
    mark(this.element, "data-gone", gone ? "" : null);
    mark(this.sign, "d", reads ? "M19 9.5L25 19.5H13Z" : null);
    const left = reads ? 31 : 14;
    mark(this.title, "x", left);
    const waiting = gone ? [] : client?.waiting ?? [];
    // The name comes first; of what waits, as much is shown as there is room beside it.
    const room = this.width - left - 18 - textWidth(this.name, FONT.name);
    const most = clamp(Math.floor(room / WAITING_PX) - 1, 1, WAITING_MAX);
    const space = this.width - left - 10 - Math.min(waiting.length, most + 1) * WAITING_PX;
    write(this.title, fit(this.name, space, FONT.name));
    const text = doing(client, sends);
    write(this.does, fit(text, this.width - 26, FONT.small));
    mark(this.does, "class", gone ? "oz-small oz-danger" : "oz-small");
    write(this.hint, `${this.name}: ${text}`);
    this.showWaiting(waiting, most);
  }

  // Records that the producer has been given and that nobody has acknowledged yet.
  showWaiting(keys, most) {
    const signature = `${most} ${keys.join("\n")}`;
    if (signature === this.signature) return;
    this.signature = signature;
    this.waiting.replaceChildren();
    const shown = keys.slice(0, most);
    const more = keys.length - shown.length;
    let x = this.width - 18;
    if (more > 0) {
      const text = `+${more}`;
      const wide = textWidth(text, FONT.small);
      this.waiting.append(svg("text", { class: "oz-small", x: x + 6 - wide, y: 19 }, text));
      x -= wide + 6;
    }
    for (const key of shown.reverse()) {
      const sign = this.cast.lettering.of(key === "·" ? null : key);
      this.waiting.append(svg("g", {
        class: `oz-open oz-key-${sign?.colour ?? "none"}`, transform: `translate(${x} 14.5)`,
      }, svg("circle", { class: "oz-box", r: 7 }),
      svg("text", { class: "oz-letter oz-tiny", dy: "0.36em" }, sign?.letter ?? "·")));
      x -= WAITING_PX;
    }
  }
}
