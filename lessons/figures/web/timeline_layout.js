// A space-time diagram: each host is a line, time runs to the right, a message is a slanted stroke.
//
// Time is laid out as the figure plays it: pauses are compressed, so that what happens within a
// few milliseconds can be told apart. The window shows some seconds of the reader's own watch and
// moves on when "now" comes near its end; where it lies depends on the position alone.

import { FONT, textWidth } from "./dom.js";

const LANE = 46;
const TOP = 16;
const BOTTOM = 26;
const NARROW = 560;
/** Names no wider than this stand beside their lines on a phone, too: no stroke crosses them. */
const BESIDE_MAX = 96;
/** So many pixels a second of shown time, where there is room for it. */
const PIXELS_A_SECOND = 95;
/** A phone shows as much of the past at once: what led to the moment must stay in the picture. */
const SPAN_MIN_MS = 7_000;

export function timelineLayout(width, names, titles) {
  const narrow = width < NARROW;
  const widest = Math.ceil(Math.max(0, ...titles.map((title) => textWidth(title, FONT.name))));
  const above = narrow && widest > BESIDE_MAX;
  const left = above ? 8 : Math.min(150, widest + (narrow ? 10 : 16));
  const lane = above ? LANE + 10 : LANE;
  const lanes = new Map(names.map((name, i) => [name, {
    y: TOP + lane * (i + 0.5) + (above ? 8 : 0), nameX: above ? left : 0,
    nameDy: above ? -12 : 4.5,
  }]));
  const right = width - 10;
  const span = Math.max(((right - left) / PIXELS_A_SECOND) * 1000, SPAN_MIN_MS);
  return { width, left, right, lanes, span, lane, height: TOP + lane * names.length + BOTTOM };
}

/** The window at a moment of shown time: it goes on in steps of a third of itself, and more than
 *  half of it is past. */
export function windowAt(layout, shown, total) {
  const third = layout.span / 3;
  const latest = Math.max(0, total - layout.span * 0.92);
  const from = Math.min(latest, Math.max(0, Math.floor(shown / third - 1.5)) * third);
  return { from, to: from + layout.span };
}

export function xOf(layout, window, shown) {
  const part = (shown - window.from) / (window.to - window.from);
  return layout.left + part * (layout.right - layout.left);
}
