// Where everything stands, for a given width. Nothing is scaled: a narrow stage has fewer slots
// in a strip and other places for the clients, but never smaller letters.
//
//   wide      names at the left of the strips, clients in a column at the right
//   middle    names at the left, producers in a row above and consumers in a row below
//   narrow    (below 560 px) names above the strips as well
//
// Between the strips and the right edge lies the gutter. Messages travel there, and there is
// no text in it.

import { FONT, textWidth } from "./dom.js";
import { LANE_HEIGHT } from "./readers.js";
import { OFFSETS_HEIGHT, STRIP_HEIGHT } from "./strip.js";

const CARD_HEIGHT = 46;
const CARD_GAP = 10;
const WIDE = { card: 172, gutter: 76 };
const CLOSE = { card: 152, gutter: 64 };
const SLIM_GUTTER = 30;

/**
 * `parts` has rows ([{ name, kind, lanes, note }]), producers, consumers (names), values (the
 * width that values need, or 0) and labelWidth (of the longest reader's words).
 */
export function layoutOf(width, parts) {
  const clients = parts.producers.length + parts.consumers.length;
  const beside = width >= 560;
  const column = width >= 760 && clients > 0;
  const nameWidth = beside ? nameColumn(parts.rows) : 0;
  const cell = width >= 900 ? 30 : 27;
  const pitch = (parts.values ? cell + parts.values : cell) + 4;
  const side = width >= 900 ? WIDE : CLOSE;
  const gutter = clients === 0 ? 0 : column ? side.gutter : SLIM_GUTTER;
  const right = width - gutter - (column ? side.card : 0);
  const laneRight = column ? right + side.gutter - 42 : width - SLIM_GUTTER + 6;
  const common = {
    x: nameWidth, width: right - nameWidth, pitch, cell, laneRight,
    room: Math.max(2, Math.ceil((parts.labelWidth - (laneRight - right)) / pitch)),
  };
  const layout = { width, column, side, right, boxes: new Map(), cards: new Map() };
  let y = column ? 0 : cardRow(layout, parts.producers, 0, width, "down");
  if (y > 0) y += 22;
  y = rows(layout, parts.rows, y, common, beside);
  if (column) layout.height = Math.max(y, cardColumn(layout, parts, y));
  else layout.height = cardRow(layout, parts.consumers, y + 20, width, "up") || y;
  return layout;
}

function nameColumn(rows) {
  const widths = rows.flatMap(({ name, note }) =>
    [textWidth(name, FONT.name), textWidth(note, FONT.small)]);
  return Math.min(170, Math.max(84, ...widths) + 22);
}

function rows(layout, parts, top, common, beside) {
  let y = top;
  let labelled = false;
  for (const { name, kind, lanes } of parts) {
    const isLog = kind === "log";
    if (!beside) y += 24;
    if (isLog && !labelled) y += 22;
    const lanesY = y + STRIP_HEIGHT + OFFSETS_HEIGHT + 4;
    layout.boxes.set(name, {
      ...common, y, lanesY, stemY: y + STRIP_HEIGHT + 2,
      nameX: 0, nameY: beside ? y + 18 : y - (isLog && !labelled ? 34 : 14),
      noteX: beside ? 0 : textWidth(name, FONT.name) + 14,
      noteY: beside ? y + 35 : y - (isLog && !labelled ? 34 : 14),
    });
    y += STRIP_HEIGHT + (isLog ? OFFSETS_HEIGHT : 0) + lanes * LANE_HEIGHT;
    y += !isLog ? 26 : lanes > 0 ? 16 : 14;
    labelled ||= isLog;
  }
  return y - 8;
}

// Producers from the top, consumers from the bottom: records come in above and go out below.
function cardColumn(layout, { producers, consumers }, height) {
  const x = layout.width - layout.side.card;
  const each = CARD_HEIGHT + CARD_GAP;
  const needed = (producers.length + consumers.length) * each - CARD_GAP;
  const whole = Math.max(height, needed);
  const lower = whole - consumers.length * each + CARD_GAP;
  const card = (name, y) => layout.cards.set(name, {
    x, y, width: layout.side.card, height: CARD_HEIGHT, side: "left",
    dock: { x, y: y + CARD_HEIGHT / 2 },
  });
  const first = layout.boxes.values().next().value?.y ?? 0;
  const upper = Math.min(first - 2, lower - producers.length * each);
  producers.forEach((name, i) => card(name, Math.max(0, upper) + i * each));
  consumers.forEach((name, i) => card(name, lower + i * each));
  return whole;
}

// Rows of cards, at the right where the gutter is.
function cardRow(layout, names, y, width, side) {
  if (names.length === 0) return 0;
  const most = Math.max(1, Math.floor((width + CARD_GAP) / (112 + CARD_GAP)));
  const across = Math.min(names.length, most);
  const each = Math.min(WIDE.card, (width - (across - 1) * CARD_GAP) / across);
  names.forEach((name, i) => {
    const row = Math.floor(i / across);
    const after = Math.min(across, names.length - row * across) - (i % across) - 1;
    const x = width - each - after * (each + CARD_GAP);
    const top = y + row * (CARD_HEIGHT + CARD_GAP);
    const dock = { x: x + each / 2, y: side === "down" ? top + CARD_HEIGHT : top };
    layout.cards.set(name, { x, y: top, width: each, height: CARD_HEIGHT, side, dock });
  });
  return y + Math.ceil(names.length / across) * (CARD_HEIGHT + CARD_GAP) - CARD_GAP;
}

/** The way of a message between a client's card and a point on a strip or in a lane. */
export function wayOf(layout, card, end) {
  const { dock } = card;
  if (card.side === "left") {
    const door = Math.max(layout.right + 6, end.x);
    const bend = (dock.x - door) * 0.55;
    const bends = `${dock.x - bend} ${dock.y} ${door + bend} ${end.y}`;
    return `M${dock.x} ${dock.y}C${bends} ${door} ${end.y}${arrival(end)}`;
  }
  // Down from a producer or up from a consumer, along the gutter, and in.
  const gutter = card.side === "down" ? layout.right + 22 : layout.right + 13;
  const turn = card.side === "down" ? dock.y + 10 : dock.y - 10;
  const points = [[dock.x, dock.y], [dock.x, turn], [gutter, turn], [gutter, end.y]];
  return rounded([...points, [end.x + 8, end.y]]) + arrival(end);
}

// To the end itself, or from below up to it.
function arrival({ x, y, up }) {
  return up === undefined ? `L${x} ${y}` : `L${x + 8} ${y}Q${x} ${y} ${x} ${y - 8}L${x} ${up}`;
}

/** A line through points, its corners rounded. */
function rounded(points, radius = 8) {
  let path = `M${points[0].join(" ")}`;
  for (let i = 1; i < points.length - 1; i += 1) {
    const [before, corner, after] = [points[i - 1], points[i], points[i + 1]];
    const [from, to] = [towards(corner, before, radius), towards(corner, after, radius)];
    path += `L${from}Q${corner.join(" ")} ${to}`;
  }
  return `${path}L${points.at(-1).join(" ")}`;
}

function towards([x, y], [tx, ty], distance) {
  const length = Math.hypot(tx - x, ty - y) || 1;
  const part = Math.min(distance, length / 2) / length;
  return `${x + (tx - x) * part} ${y + (ty - y) * part}`;
}
