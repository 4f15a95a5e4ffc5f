// One partition (or queue) as a strip of records, offset 0 at the left.
//
// A strip is a window on its log. What fits is shown from offset 0; a longer log shows its tail,
// and the window moves on by a quarter of itself when the tail reaches its end, so that most
// appends move nothing but the record that was appended. Where the window lies depends on the
// state alone: going back shows the same picture again.

import { Cell, CELL_GAP, cellOf } from "./cell.js";
import { FONT, clamp, keep, mark, place, style, svg, textWidth, write } from "./dom.js";
import { Readers } from "./readers.js";
import { noteOf } from "./rows.js";

export const STRIP_HEIGHT = 42;
export const OFFSETS_HEIGHT = 18;
const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
/** Positions are drawn relative to a base, because SVG has only 24 bits for a coordinate. */
const BASE = 1000;
const PEEK_MAX = 17;
/** The last label may stand out over the end of the strip, into the gutter, by so much. */
const OVERHANG_MAX = 24;

export class Strip {
  constructor(name, { cast, labelled, values, focus = null }) {
    Object.assign(this, { name, cast, labelled, values, focus });
    // Each widget evaluates this module anew: a count from one would be no name in a notebook.
    this.id = `oz-clip-${Math.random().toString(36).slice(2)}`;
    this.cells = new Map();
    this.offsets = new Map();
    this.pulled = null;
    this.title = svg("text", { class: "oz-name" });
    this.note = svg("text", { class: "oz-small" });
    this.bed = svg("path", { class: "oz-bed" });
    style(this.bed, "--oz-bed", `url(#${this.id}-bed)`);
    style(this.bed, "--oz-rim", `url(#${this.id}-rim)`);
    this.window = svg("rect");
    this.veil = svg("rect", { class: "oz-veil", fill: `url(#${this.id}-veil)` });
    this.cellLayer = svg("g");
    this.offsetLayer = svg("g", { class: "oz-offsets" });
    this.highWatermark = svg("line", { class: "oz-high-watermark oz-move" });
    this.logEnd = svg("line", { class: "oz-log-end oz-move" });
    this.roll = svg("g", { class: "oz-move" }, this.cellLayer, this.offsetLayer, this.logEnd,
      this.highWatermark);
    this.labels = labelled ? labelNodes() : {};
    this.readers = new Readers(cast);
    this.element = svg("g", { class: "oz-strip", "data-row": name },
      svg("clipPath", { id: this.id }, this.window), fading(`${this.id}-bed`, "oz-bed-stop"),
      fading(`${this.id}-rim`, "oz-rim-stop"), veiling(`${this.id}-veil`), this.title, this.note,
      this.bed,
      svg("g", { "clip-path": `url(#${this.id})` }, this.roll), this.veil,
      ...Object.values(this.labels), this.readers.element);
    this.base = null;
  }

  /** Where the strip lies: `box` has x, y, width, nameX, nameY, noteX, noteY, pitch, lanes. */
  place(box) {
    const resized = this.box?.pitch !== box.pitch;
    this.box = box;
    const { x, y, width } = box;
    this.slots = Math.floor((width - 8) / box.pitch);
    const high = STRIP_HEIGHT + OFFSETS_HEIGHT + 9;
    lay(this.window, { x, y: y - 9, width, height: high });
    const peek = Math.min(box.pitch / 2, PEEK_MAX);
    lay(this.veil, { x: x - 1, y: y - 9, width: peek + 5, height: high });
    mark(this.title, "x", box.nameX);
    mark(this.title, "y", box.nameY);
    mark(this.note, "x", box.noteX);
    mark(this.note, "y", box.noteY);
    for (const line of [this.highWatermark, this.logEnd]) {
      mark(line, "y1", y - 7);
      mark(line, "y2", y + STRIP_HEIGHT + 7);
    }
    if (resized) this.clear();
  }

  clear() {
    for (const cell of this.cells.values()) cell.element.remove();
    for (const text of this.offsets.values()) text.remove();
    this.cells.clear();
    this.offsets.clear();
  }

  /** `first` is the first offset in sight, when another strip says so. */
  show(row, motion, first = this.firstFor(row)) {
    this.row = row;
    this.first = first;
    // Of what came before, half a record looks out from under the veil.
    this.peek = this.first > 0 ? Math.min(this.box.pitch / 2, PEEK_MAX) : 0;
    const base = Math.floor(this.first / BASE) * BASE;
    if (base !== this.base) this.clear();
    this.base = base;
    place(this.roll, this.edge(base));
    mark(this.veil, "visibility", this.first > 0 ? null : "hidden");
    this.showName();
    this.showCells(motion);
    this.showOffsets();
    this.showLines();
    this.readers.show(row, this);
  }

  /** The first offset in sight. */
  firstFor(row) {
    const { slots } = this;
    const room = Math.min(this.box.room, Math.max(2, Math.floor(slots / 3)));
    const furthest = Math.max(0, row.end - slots + room);
    if (this.pulled !== null) return clamp(this.pulled, 0, furthest);
    const quarter = Math.max(1, Math.floor((slots - room) / 4));
    const tail = Math.ceil(furthest / quarter) * quarter;
    // What the story is about stays in sight for as long as the log's end is in sight with it.
    const both = this.focus !== null && row.end > this.focus && row.end - this.focus <= slots;
    return both ? Math.min(tail, this.focus) : tail;
  }

  /** The window pulled to another offset by hand; null gives it back to the tail. */
  pull(first) {
    this.pulled = first;
  }

  showName() {
    const { row } = this;
    const note = noteOf(row);
    write(this.title, row.name);
    write(this.note, note.text);
    mark(this.note, "class", note.tone ? `oz-small oz-${note.tone}` : "oz-small");
    mark(this.element, "class", row.gone ? "oz-strip oz-gone" : "oz-strip");
    mark(this.bed, "d", this.outline());
  }

  // The log goes on to the right: its bed is open there. What has crashed is closed.
  outline() {
    const { x, y, width } = this.box;
    const [right, bottom, r] = [x + width, y + STRIP_HEIGHT, 8];
    const corner = `Q${x} ${bottom} ${x + r} ${bottom}`;
    const left = `H${x + r}Q${x} ${y} ${x} ${y + r}V${bottom - r}${corner}`;
    if (!this.row.gone) return `M${right} ${y}${left}H${right}`;
    return `M${right - r} ${y}${left}H${right - r}Q${right} ${bottom} ${right} ${bottom - r}`
      + `V${y + r}Q${right} ${y} ${right - r} ${y}Z`;
  }

  showCells(motion) {
    const { row, first, box } = this;
    const shown = new Map();
    const from = Math.max(0, first - 1);
    for (let offset = from; offset < first + this.slots + 1 && offset < row.end; offset += 1) {
      const cell = cellOf(row, offset, this.cast.lettering);
      if (cell) shown.set(offset, cell);
    }
    const [width, height] = [box.pitch - CELL_GAP, box.cell];
    const fresh = new Set();
    keep(this.cells, shown, (cell, offset) => {
      const made = new Cell(offset, width, height, this.values);
      place(made.element, (offset - this.base + 0.5) * box.pitch, box.y + STRIP_HEIGHT / 2);
      this.cellLayer.append(made.element);
      if (motion > 0 && !cell.ghost) fresh.add(offset);
      return made;
    }, (made) => fadeAway(made.element, motion));
    for (const [offset, cell] of shown) {
      const made = this.cells.get(offset);
      made.show(cell, fresh.has(offset));
      mark(made.element, "data-focus", offset === this.focus ? "" : null);
    }
  }

  showOffsets() {
    const { row, first, box } = this;
    if (row.kind === "queue") return;
    const widest = textWidth(String(row.end), FONT.small) + 9;
    const every = NICE.find((count) => count * box.pitch >= widest) ?? NICE.at(-1);
    const shown = new Map();
    for (let offset = first; offset < first + this.slots + 1 && offset < row.end; offset += 1) {
      if (offset % every === 0) shown.set(offset, String(offset));
    }
    keep(this.offsets, shown, (text, offset) => {
      const x = (offset - this.base + 0.5) * box.pitch;
      const node = svg("text", { class: "oz-offset", x, y: box.y + STRIP_HEIGHT + 14 }, text);
      this.offsetLayer.append(node);
      return node;
    });
  }

  showLines() {
    const { row, box } = this;
    const isLog = row.kind === "log" && row.node !== null;
    for (const [line, offset] of [[this.highWatermark, row.hw], [this.logEnd, row.end]]) {
      mark(line, "visibility", isLog ? null : "hidden");
      // Where both are one, the dashed line stands beside the solid one.
      const aside = line === this.logEnd && row.hw === row.end ? 4 : 0;
      place(line, (offset - this.base) * box.pitch + aside);
    }
    if (this.labelled) this.showLabels();
  }

  /** Words over the lines, those that there is room for. */
  showLabels() {
    const { row, box, labels } = this;
    const words = {
      start: row.start < this.first ? `← log start ${row.start}` : `log start ${row.start}`,
      hw: `high watermark ${row.hw}`,
      end: `log end ${row.end}`,
    };
    const places = row.node === null ? {} : this.labelPlaces(words);
    for (const [name, text] of Object.entries(words)) {
      write(labels[name], text);
      mark(labels[name], "visibility", places[name] === undefined ? "hidden" : null);
      if (places[name] !== undefined) place(labels[name], places[name], box.y - 13);
    }
  }

  // The high watermark's words end at its line and the log end's begin at theirs, so these two
  // never meet. In a short log the former has no room to the left: then both stand to the right.
  // On a narrow stage the log start's words are the first to go.
  labelPlaces(words) {
    const { row, box } = this;
    const wide = (name) => textWidth(words[name], FONT.label);
    const [hw, end] = [this.edge(row.hw), this.edge(row.end)];
    const right = box.x + box.width;
    const start = Math.max(box.x, this.edge(row.start) - 1);
    const apart = { hw: hw - wide("hw") - 5, end: end + 7 };
    const together = { hw: end + 7, end: end + wide("hw") + 19 };
    const fits = (places, from) =>
      places.hw >= from && places.end + wide("end") <= right + OVERHANG_MAX;
    const after = start + wide("start") + 12;
    if (fits(apart, after)) return { start, ...apart };
    if (fits(together, after)) return { start, ...together };
    if (fits(apart, box.x)) return apart;
    if (fits(together, box.x)) return together;
    return hw <= right && apart.hw >= box.x ? { hw: apart.hw } : {};
  }

  /** The x of the boundary before an offset, in the stage. */
  edge(offset) {
    return this.box.x + 4 + this.peek + (offset - this.first) * this.box.pitch;
  }

  /** Where a record for this offset lies, or the strip's end when that is out of sight. */
  slot(offset) {
    const x = this.edge(offset) + this.box.pitch / 2;
    return { x: Math.min(x, this.box.x + this.box.width), y: this.box.y + STRIP_HEIGHT / 2 };
  }

  /** A place below the strip from which something is taken out of a queue. */
  below(number) {
    const { x } = this.slot(number);
    const bottom = this.box.y + STRIP_HEIGHT;
    return { x: Math.max(x, this.box.x + 4), y: bottom + 11, up: bottom - 6 };
  }
}

function lay(node, parts) {
  for (const [name, value] of Object.entries(parts)) mark(node, name, value);
}

function veiling(id) {
  return svg("linearGradient", { id },
    svg("stop", { class: "oz-veil-stop", offset: "0.1" }),
    svg("stop", { class: "oz-veil-stop", offset: "1", "stop-opacity": 0 }));
}

// The bed fades out where the log goes on.
function fading(id, stops) {
  return svg("linearGradient", { id }, svg("stop", { class: stops, offset: "0.82" }),
    svg("stop", { class: stops, offset: "1", "stop-opacity": 0 }));
}

function labelNodes() {
  return {
    start: svg("text", { class: "oz-small oz-move" }),
    hw: svg("text", { class: "oz-small oz-lead oz-move" }),
    end: svg("text", { class: "oz-small oz-move" }),
  };
}

function fadeAway(node, motion) {
  if (motion === 0) {
    node.remove();
    return;
  }
  node.classList.add("oz-leaving");
  node.removeAttribute("data-offset");
  setTimeout(() => node.remove(), motion);
}
