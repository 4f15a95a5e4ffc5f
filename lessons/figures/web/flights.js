// Messages in flight: which are on their way at a moment, and how far.
//
// A message is in the air until the step that receives it. One that gets lost is seen to leave,
// falls at the next stop (or at the step that says it is lost), and lies there, marked, until the
// stop after that: so a reader who only steps sees it go, sees it lost, and then sees it gone.

/** How far a message gets that was lost from the start. */
const FALLS_AT = 0.5;

export class Flights {
  constructor(steps) {
    const landings = new Map();
    const losses = new Map();
    steps.forEach((step, i) => {
      for (const id of step.received ?? []) landings.set(id, i);
      for (const id of step.lost ?? []) losses.set(id, i);
    });
    this.all = [];
    steps.forEach((step, first) => {
      for (const message of step.sent ?? []) {
        const landing = landings.get(message.id);
        const never = message.arrives === null || message.arrives === undefined;
        const lost = landing === undefined && (never || losses.has(message.id));
        const ends = { landing, never, lost, falls: losses.get(message.id) };
        this.all.push({ ...message, ...ends, first, left: step.time });
      }
    });
  }

  /** Settle when each flight ends, once the stops are known. */
  schedule(clock) {
    const after = (step) => {
      const stop = clock.stopFrom(step, 1);
      return stop > step ? stop : clock.last + 1;
    };
    for (const flight of this.all) {
      if (flight.lost) {
        flight.falls ??= after(flight.first);
        flight.last = after(flight.falls);
      } else {
        flight.last = flight.landing ?? clock.last + 1;
      }
      const end = flight.never ? clock.times[Math.min(flight.falls, clock.last)] : flight.arrives;
      flight.span = (end - flight.left) / (flight.never ? FALLS_AT : 1);
    }
    this.times = clock.times;
  }

  /** Every `{ flight, part, fallen }` after `step` at virtual `time`; `part` runs from 0 to 1. */
  at(step, time) {
    const found = [];
    for (const flight of this.all) {
      if (flight.first > step) break;
      if (flight.last <= step) continue;
      const fallen = flight.lost && step >= flight.falls;
      const until = fallen ? Math.min(time, this.times[flight.falls]) : time;
      const part = flight.span > 0 ? Math.min(1, (until - flight.left) / flight.span) : 0;
      found.push({ flight, fallen, part: fallen && flight.never ? FALLS_AT : part });
    }
    return found;
  }

  /** Whether anything travels between two positions. */
  between(low, high) {
    return this.all.some((flight) => flight.first < high && flight.last > low);
  }
}
