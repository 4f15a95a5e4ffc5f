// The few words that the figures need for HTML and SVG, and nothing that a framework would add.
//
// Everything that writes compares first: a node is touched only when what it shows changes, so
// a step that moves one record leaves the rest of the picture alone (and its transitions too).

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function html(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function mark(node, name, value) {
  if (value === undefined || value === null || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

export function style(node, name, value) {
  if (node.style.getPropertyValue(name) !== value) node.style.setProperty(name, value);
}

/** Move by CSS transform, so that the style sheet decides whether and how fast it glides. */
export function place(node, x, y = 0) {
  style(node, "transform", `translate(${round(x)}px, ${round(y)}px)`);
}

export function round(number) {
  return Math.round(number * 100) / 100;
}

export function clamp(number, low, high) {
  return Math.max(low, Math.min(high, number));
}

/** The faces that text is measured in, as the style sheet sets them. */
export const FONT = { name: "600 13px", label: "600 11.5px", small: "11.5px" };

let ruler = null;
let face = "sans-serif";
const widths = new Map();
const WIDTHS_MAX = 5000;

/** Measure from now on in the face that a node has, as it is loaded at this moment. */
export function measureLike(node) {
  face = getComputedStyle(node).fontFamily || face;
  widths.clear();
}

/** The width of a text in pixels; `font` is one of FONT. Asking twice costs nothing. */
export function textWidth(text, font) {
  const name = `${font} ${text}`;
  if (!widths.has(name)) {
    ruler ??= document.createElement("canvas").getContext("2d");
    ruler.font = `${font} ${face}`;
    if (widths.size > WIDTHS_MAX) widths.clear();
    widths.set(name, ruler.measureText(text).width);
  }
  return widths.get(name);
}

/** The text, or as much of it as fits with an ellipsis. */
export function fit(text, width, font) {
  if (textWidth(text, font) <= width) return text;
  let kept = text.length;
  while (kept > 0 && textWidth(`${text.slice(0, kept)}…`, font) > width) kept -= 1;
  return kept > 0 ? `${text.slice(0, kept).trimEnd()}…` : "";
}

/** Keep one node for each item: make those that are new, drop those that are gone. */
export function keep(nodes, items, make, drop = (node) => node.remove()) {
  for (const [key, node] of nodes) {
    if (!items.has(key)) {
      drop(node);
      nodes.delete(key);
    }
  }
  for (const [key, item] of items) {
    if (!nodes.has(key)) nodes.set(key, make(item, key));
  }
}
