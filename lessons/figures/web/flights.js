// Messages in flight: which are on their way at a moment, and how far.

import { median } from "./clock.js";

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
        const ends = { landing: landings.get(message.id), loss: losses.get(message.id) };
        this.all.push({ ...message, ...ends, first, left: step.time });
      }
    });
    const spans = this.all.filter((flight) => flight.arrives > flight.left)
      .map((flight) => flight.arrives - flight.left);
    const typical = median(spans) || 1;
    for (const flight of this.all) settle(flight, steps, typical);
  }

  /** Every `{ flight, part }` after `step` at virtual `time`; `part` runs from 0 to 1. */
  at(step, time) {
    const found = [];
    for (const flight of this.all) {
      if (flight.first > step) break;
      if (flight.last <= step) continue;
      const span = flight.lands - flight.left;
      const part = span > 0 ? Math.min(1, (time - flight.left) / span) : 0;
      found.push({ flight, part });
    }
    return found;
  }

  /** Whether anything travels between two positions. */
  between(low, high) {
    return this.all.some((flight) => flight.first < high && flight.last > low);
  }
}

// A message is in the air until the step that receives it, or the step that says it is lost.
// One that was lost from the start is seen to leave, gets half way, and is gone when a message
// usually would have arrived.
function settle(flight, steps, typical) {
  const never = flight.arrives === null || flight.arrives === undefined;
  flight.lost = never || flight.loss !== undefined;
  flight.lands = never ? flight.left + typical : flight.arrives;
  if (flight.landing !== undefined) flight.lands = steps[flight.landing].time;
  flight.last = flight.landing ?? flight.loss ?? firstAfter(steps, flight.lands, flight.first);
}

function firstAfter(steps, time, from) {
  let step = from + 1;
  while (step < steps.length && steps[step].time < time) step += 1;
  return step;
}
