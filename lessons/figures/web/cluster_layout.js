// Where brokers and clients stand, and the ways of messages between them.
//
//   beside   brokers in a row, clients in a row above them; messages travel in the air between
//   below    (a narrow stage) brokers one below the other; messages travel in the right margin
//
// There is no text in the air and in the margin but the words of the messages themselves.

import { FONT, textWidth } from "./dom.js";
import { OFFSETS_HEIGHT, STRIP_HEIGHT } from "./strip.js";

const CLIENT = { width: 150, height: 46, gap: 10 };
const GAP = 26;
const PAD = 14;
const HEADER = 40;
const NAME = 25;
const AFTER_STRIP = 12;
const BROKER_WIDTH_MIN = 212;
const AIR = { low: 26, step: 24, clients: 34 };
const MARGIN = 46;
const PITCH = 27;
const CELL = 23;

/** `parts` has brokers, clients (names) and strips (names of partitions of each broker). */
export function clusterLayout(width, { brokers, clients, strips }) {
  const across = (width - GAP * (brokers.length - 1)) / brokers.length;
  const beside = across >= BROKER_WIDTH_MIN;
  const layout = { width, beside, brokers: new Map(), clients: new Map(), strips: new Map() };
  const right = beside || brokers.length + clients.length < 2 ? width : width - MARGIN;
  let y = clientRow(layout, clients, width);
  const arcs = AIR.low + AIR.step * Math.max(0, brokers.length - 2);
  y += beside ? arcs + (clients.length > 0 ? AIR.clients : 6) : clients.length > 0 ? 26 : 0;
  layout.top = y;
  brokers.forEach((name, i) => {
    const box = beside ? { x: i * (across + GAP), y, width: across } : { x: 0, y, width: right };
    box.height = HEADER + strips.length * stripHeight() + PAD;
    layout.brokers.set(name, box);
    strips.forEach((strip, at) => {
      layout.strips.set(`${name} ${strip}`, stripBox(box, strip, at));
    });
    if (!beside) y += box.height + 16;
  });
  const boxes = [...layout.brokers.values()];
  layout.height = Math.max(y, ...boxes.map((box) => box.y + box.height)) + 2;
  return layout;
}

function stripHeight() {
  return NAME + STRIP_HEIGHT + OFFSETS_HEIGHT + AFTER_STRIP;
}

function stripBox(broker, name, at) {
  const x = broker.x + PAD;
  const y = broker.y + HEADER + at * stripHeight() + NAME + 4;
  const width = broker.width - PAD;
  return {
    x, y, width, pitch: PITCH, cell: CELL, room: 1, laneRight: x + width, lanesY: y, stemY: y,
    nameX: x, nameY: y - 14, noteX: broker.x + broker.width - PAD, noteY: y - 14,
    nameWidth: textWidth(name, FONT.name),
  };
}

function clientRow(layout, names, width) {
  if (names.length === 0) return 0;
  const { gap, height } = CLIENT;
  const most = Math.max(1, Math.floor((width + gap) / (112 + gap)));
  const across = Math.min(names.length, most);
  const each = Math.min(CLIENT.width, (width - (across - 1) * gap) / across);
  const left = layout.beside ? (width - across * each - (across - 1) * gap) / 2 : 0;
  names.forEach((name, i) => {
    const x = left + (i % across) * (each + gap);
    const y = Math.floor(i / across) * (height + gap);
    layout.clients.set(name, { x, y, width: each, height });
  });
  return Math.ceil(names.length / across) * (height + gap) - gap;
}

/**
 * The way from one to the other: `{ path, peak }`. It always runs from the first to the second of
 * the two in the order of the stage, so that both directions of a link share one way.
 */
export function linkOf(layout, first, second) {
  const [a, b] = [layout.brokers.get(first), layout.brokers.get(second)];
  if (a && b) return layout.beside ? arc(layout, a, b) : bow(a, b);
  return fall(layout, layout.clients.get(first), b);
}

// Over the cards: the further apart, the higher, so that no two links run into one another.
function arc(layout, a, b) {
  const apart = Math.round((b.x - a.x) / (a.width + GAP));
  const high = layout.top - AIR.low - AIR.step * (apart - 1);
  const [x1, x2] = [a.x + a.width * 0.66, b.x + b.width * 0.34];
  const y = layout.top - 4;
  const r = Math.min(24, (x2 - x1) / 3);
  const path = `M${x1} ${y}C${x1} ${high} ${x1 + r / 2} ${high} ${x1 + r} ${high}`
    + `H${x2 - r}C${x2 - r / 2} ${high} ${x2} ${high} ${x2} ${y}`;
  return { path, peak: { x: (x1 + x2) / 2, y: high } };
}

// In the margin beside the cards.
function bow(a, b) {
  const x = a.x + a.width + 4;
  const far = x + (b.y - a.y > a.height + 40 ? MARGIN - 10 : MARGIN - 24);
  const [y1, y2] = [a.y + a.height * 0.62, b.y + b.height * 0.38];
  const path = `M${x} ${y1}C${far} ${y1} ${far} ${y1} ${far} ${y1 + 16}`
    + `V${y2 - 16}C${far} ${y2} ${far} ${y2} ${x} ${y2}`;
  return { path, peak: { x: far, y: (y1 + y2) / 2 } };
}

// From a client down to a broker.
function fall(layout, client, broker) {
  const from = { x: client.x + client.width / 2, y: client.y + client.height };
  if (layout.beside) {
    const to = { x: broker.x + broker.width / 2, y: broker.y - 4 };
    const bend = (to.y - from.y) * 0.5;
    const path = `M${from.x} ${from.y}C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} `
      + `${to.x} ${to.y}`;
    return { path, peak: { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 } };
  }
  const lane = broker.x + broker.width + 14;
  const y = broker.y + 18;
  const path = `M${from.x} ${from.y}V${from.y + 10}H${lane}V${y}H${lane - 10}`;
  return { path, peak: { x: lane, y: broker.y } };
}
