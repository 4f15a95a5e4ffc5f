// The hand on the tape: one position in the trace, and the ways to move it.
//
// Playing runs on the reader's watch. A step goes to the next stop of the clock; it glides there
// when something is in flight on the way, and otherwise is simply there. Who prefers reduced
// motion gets whole steps, and no glide.

import { clamp } from "./dom.js";

const GLIDE_MS = 240;

/** How long things may move, by how they were asked to: nothing ever moves for over 300 ms. */
const MOVE_MS = 220;
const TOO_FAST_TO_MOVE_MS = 70;

export class Player {
  /** `moves(a, b)` tells whether anything is in flight between two positions; `show` draws. */
  constructor(clock, { moves, show }) {
    this.clock = clock;
    this.moves = moves;
    this.show = show;
    this.position = 0;
    this.playing = false;
    this.request = 0;
    this.target = null;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  }

  get step() {
    return Math.floor(this.position);
  }

  /** Be there at once, as a hand on the scrubber is. */
  seek(position) {
    this.stop();
    this.moveTo(position, 0);
  }

  stepBy(count) {
    // Keys pressed faster than a glide count from where the glide was going.
    const here = this.target ?? this.position;
    this.stop();
    const to = this.clock.stopFrom(here, count);
    const [low, high] = [Math.min(here, to), Math.max(here, to)];
    const glides = Math.abs(count) === 1 && !this.calm.matches && this.moves(low, high);
    if (glides && to !== this.position) this.glide(to);
    else this.moveTo(to, Math.abs(count) === 1 ? MOVE_MS : 0);
  }

  toggle() {
    if (this.playing) {
      this.stop();
      this.moveTo(this.position, 0);
    } else {
      this.play();
    }
  }

  play() {
    this.stop();
    if (this.position >= this.clock.last) this.position = 0;
    this.playing = true;
    const origin = this.clock.shownAt(this.position);
    let began = null;
    const tick = (now) => {
      began ??= now;
      const shown = origin + now - began;
      const position = this.clock.positionAt(shown);
      if (position >= this.clock.last) this.playing = false;
      this.moveTo(this.calm.matches ? Math.floor(position) : position, this.pace(position));
      if (this.playing) this.request = requestAnimationFrame(tick);
    };
    this.request = requestAnimationFrame(tick);
    this.moveTo(this.position, 0);
  }

  stop() {
    cancelAnimationFrame(this.request);
    this.playing = false;
    this.target = null;
  }

  // Movement must be over before the next step is due; when steps race by, nothing glides.
  pace(position) {
    const due = this.clock.hopMs(this.clock.hopAt(position));
    return due < TOO_FAST_TO_MOVE_MS ? 0 : Math.min(MOVE_MS, due * 0.7);
  }

  // It glides in shown time: evenly over what is between, as playing would.
  glide(to) {
    const from = this.clock.shownAt(this.position);
    const way = this.clock.shownAt(to) - from;
    let began = null;
    this.target = to;
    const tick = (now) => {
      began ??= now;
      const part = Math.min(1, (now - began) / GLIDE_MS);
      const eased = 1 - (1 - part) ** 3;
      this.moveTo(part < 1 ? this.clock.positionAt(from + way * eased) : to, MOVE_MS);
      if (part < 1) this.request = requestAnimationFrame(tick);
      else this.target = null;
    };
    this.request = requestAnimationFrame(tick);
    // A step back undoes at once what the step did; only its messages still have a way to go.
    if (way < 0) this.moveTo(this.clock.positionAt(from + way * 1e-6), MOVE_MS);
  }

  moveTo(position, motion) {
    this.position = clamp(position, 0, this.clock.last);
    this.show({
      position: this.position,
      step: this.step,
      time: this.clock.timeAt(this.position),
      playing: this.playing,
      motion: this.calm.matches ? 0 : motion,
    });
  }
}
