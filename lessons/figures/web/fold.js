// A trace folded into the state after any of its steps.
//
// A step says what it changed, `set: [[path, value], ...]`; keyframes hold the whole state now
// and then. Going forward applies what was set since; going back starts at the last keyframe.
// Nothing here knows what the state means.
//
// A keyframe is the state *after* its step. Its step is applied once more on top of it, which
// changes nothing (a set says what is, not by how much), so a reader who takes keyframes for
// the state before the step would see the same pictures.

/** Going forward by more than this, a keyframe on the way is the shorter way. */
const FAR = 512;

export class Fold {
  constructor(trace) {
    this.steps = trace.steps;
    this.keyframes = [...(trace.keyframes ?? [])].sort((a, b) => a[0] - b[0]);
    this.state = {};
    this.step = -1;
  }

  /** The state after `step`. It is the fold's own: look, do not keep. */
  at(step) {
    const [from, whole] = this.keyframeBefore(step);
    if (step < this.step || (from > this.step && step - this.step > FAR)) {
      this.state = structuredClone(whole);
      this.step = from - 1;
    }
    while (this.step < step) {
      this.step += 1;
      for (const [path, value] of this.steps[this.step].set ?? []) put(this.state, path, value);
    }
    return this.state;
  }

  keyframeBefore(step) {
    let found = [0, {}];
    for (const keyframe of this.keyframes) {
      if (keyframe[0] > step) break;
      found = keyframe;
    }
    return found;
  }
}

/** Set what lies at `path`; null deletes it. */
export function put(state, path, value) {
  const names = path.split("/");
  const last = names.pop();
  let node = state;
  for (const name of names) {
    const inner = Object.hasOwn(node, name) ? node[name] : undefined;
    if (inner === null || typeof inner !== "object") {
      if (value === null) return;
      own(node, name, {});
    }
    node = node[name];
  }
  if (value === null) delete node[last];
  else own(node, last, typeof value === "object" ? structuredClone(value) : value);
}

// Not an assignment, because a topic may be called "__proto__".
function own(node, name, value) {
  Object.defineProperty(node, name, {
    value, writable: true, enumerable: true, configurable: true,
  });
}
