// Three kinds of time, and the way from one to the other.
//
//   position  in steps: 12 is the moment after step 12, 12.5 half way to the next in time
//   virtual   in microseconds, as the trace says
//   shown     in milliseconds on the reader's own watch, when the figure plays
//
// Virtual time is no good for watching: seven days of retention lie beside a request of three
// milliseconds. And many steps of a run show nothing in a given figure: in a log view nobody
// waits for the metadata. So a figure names its *stops*, the steps that show something, and a
// hop from one to the next takes a time that grows with the square root of its length, and only so
// far: pauses are compressed, and what happens at once still happens in an order the eye can
// follow. The scrubber's track is laid out in shown time, so the thumb moves evenly.

const STILL_MS = 220;
const TYPICAL_MS = 480;
const PAUSE_RATIO_MAX = 3;
const ENOUGH_MS = 40_000;
const ENOUGH_MS_A_HOP = 15;
/** The largest part of a step that is not yet the next step. */
const NEARLY = 1 - 1e-9;

export class Clock {
  /** `stops` are steps in ascending order, the first and the last step of the trace among them. */
  constructor(steps, stops, speed = 1) {
    this.times = steps.map((step) => step.time);
    this.last = this.times.length - 1;
    this.stops = stops;
    const gaps = stops.slice(1).map((stop, i) => this.times[stop] - this.times[stops[i]]);
    const typical = median(gaps.filter((gap) => gap > 0)) || 1;
    const shown = gaps.map((gap) =>
      STILL_MS + TYPICAL_MS * Math.sqrt(Math.min(gap / typical, PAUSE_RATIO_MAX)));
    // Forty steps may take their time; ten thousand must not take hours.
    const whole = shown.reduce((sum, ms) => sum + ms, 0);
    const hurry = Math.max(1, whole / (ENOUGH_MS + ENOUGH_MS_A_HOP * shown.length)) * speed;
    this.shown = [0];
    for (const ms of shown) this.shown.push(this.shown.at(-1) + ms / hurry);
  }

  get total() {
    return this.shown.at(-1) || 1;
  }

  /** Virtual time at a position. */
  timeAt(position) {
    const step = Math.min(Math.floor(position), this.last);
    const next = Math.min(step + 1, this.last);
    return this.times[step] + (this.times[next] - this.times[step]) * (position - step);
  }

  /** Shown time at a position. */
  shownAt(position) {
    const hop = this.hopAt(position);
    const [from, to] = [this.stops[hop], this.stops[hop + 1] ?? this.last];
    const gap = this.times[to] - this.times[from];
    const part = gap > 0 ? (this.timeAt(position) - this.times[from]) / gap
      : (position - from) / Math.max(1, to - from);
    return this.shown[hop] + (this.hopMs(hop) * part || 0);
  }

  /** The position at a shown time. */
  positionAt(shown) {
    if (shown <= 0) return 0;
    if (shown >= this.total) return this.last;
    const hop = lastAtMost(this.shown, shown, 0, this.shown.length - 1);
    const [from, to] = [this.stops[hop], this.stops[hop + 1]];
    const part = (shown - this.shown[hop]) / this.hopMs(hop);
    const gap = this.times[to] - this.times[from];
    if (gap === 0) return from + part * (to - from);
    const time = this.times[from] + part * gap;
    const step = lastAtMost(this.times, time, from, to - 1);
    const width = this.times[step + 1] - this.times[step];
    return step + Math.min(NEARLY, width > 0 ? (time - this.times[step]) / width : 0);
  }

  /** The number of the last stop at or before a position. */
  hopAt(position) {
    return lastAtMost(this.stops, position, 0, this.stops.length - 1);
  }

  /** How long a hop is shown. */
  hopMs(hop) {
    return (this.shown[hop + 1] ?? this.shown[hop]) - this.shown[hop];
  }

  /** The stop that lies `count` stops after a position, or before it. */
  stopFrom(position, count) {
    const hop = this.hopAt(position);
    const between = count < 0 && this.stops[hop] < position ? 1 : 0;
    const target = Math.max(0, Math.min(this.stops.length - 1, hop + count + between));
    return this.stops[target];
  }
}

/** The last index from `low` to `high` whose value is at most `value`. */
function lastAtMost(values, value, low, high) {
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (values[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

/** Virtual microseconds as people say them: 1.284 s, 2 min 03.4 s, 7 d 0 h. */
export function timeText(us) {
  const s = us / 1e6;
  if (us < 1000 && us > 0) return `${Math.round(us)} µs`;
  if (s < 120) return `${s.toFixed(3)} s`;
  const two = (number) => String(number).padStart(2, "0");
  if (s < 7200) return `${Math.floor(s / 60)} min ${(s % 60).toFixed(1).padStart(4, "0")} s`;
  const minutes = Math.floor(s / 60);
  if (s < 172_800) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
