// One record: a rounded cell with the colour and the letter of its key.

import { mark, style, svg, write } from "./dom.js";

export const CELL_GAP = 4;

/** What a cell shows, as far as it can change from step to step; null where there is nothing. */
export function cellOf(row, offset, lettering) {
  const record = row.records[offset];
  if (!record) {
    const wasThere = row.kind === "log" && offset < row.end;
    return wasThere ? { ghost: true } : null;
  }
  const marker = record.kind === "commit" || record.kind === "abort";
  return {
    record,
    marker: marker ? record.kind : null,
    tombstone: record.kind === "tombstone",
    open: offset >= row.hw,
    sign: marker ? null : lettering.of(record.key),
  };
}

/** A cell of `width` by `height`, centred on its own origin. */
export class Cell {
  constructor(offset, width, height, values) {
    Object.assign(this, { width, height, values, offset });
    this.box = svg("rect", { class: "oz-box", rx: 5 });
    this.cross = svg("path", { class: "oz-cross" });
    this.dot = svg("circle", { class: "oz-dot", r: 3 });
    this.letter = svg("text", { class: "oz-letter", dy: "0.36em" });
    this.value = svg("text", { class: "oz-value", dy: "0.36em" });
    this.body = svg("g", { class: "oz-body" }, this.box, this.cross, this.dot, this.letter,
      this.value);
    this.element = svg("g", { "data-offset": offset }, this.body);
  }

  show(cell, known) {
    const { ghost, marker, tombstone, open, sign } = cell;
    const classes = ["oz-cell"];
    if (ghost) classes.push("oz-ghost");
    else if (marker) classes.push("oz-marker", `oz-${marker}`);
    else classes.push(sign ? `oz-key-${sign.colour}` : "oz-key-none");
    if (tombstone) classes.push("oz-tombstone");
    if (open) classes.push("oz-open");
    if (known) classes.push("oz-landing");
    mark(this.element, "class", classes.join(" "));
    this.shape(marker ? 14 : this.width, open && !marker);
    // A ghost keeps the letter it had, so that the letter can fade with the rest.
    if (ghost) return;
    const label = marker ? marker[0].toUpperCase() : sign?.letter ?? "";
    write(this.letter, label);
    write(this.value, this.values ? this.values(cell.record) : "");
    style(this.dot, "display", label ? "none" : "");
    style(this.cross, "display", tombstone ? "" : "none");
    const x = this.values && !marker ? this.height / 2 - this.width / 2 : 0;
    mark(this.letter, "x", x);
    mark(this.dot, "cx", x);
    mark(this.value, "x", x + this.height / 2 - 2);
  }

  // An outline lies inside the cell's edge, so that a record keeps its size when committed.
  shape(width, outlined) {
    const inset = outlined ? 1 : 0.5;
    const [w, h] = [width - 2 * inset, this.height - 2 * inset];
    mark(this.box, "x", -w / 2);
    mark(this.box, "y", -h / 2);
    mark(this.box, "width", w);
    mark(this.box, "height", h);
    // Four strokes from the corners towards the letter, which stays readable between them.
    const [a, b] = [this.width / 2 - 2.5, this.width / 2 - 8];
    const corner = ([sx, sy]) => `M${sx * a} ${sy * a}L${sx * b} ${sy * b}`;
    mark(this.cross, "d", [[-1, -1], [1, -1], [-1, 1], [1, 1]].map(corner).join(""));
  }
}
