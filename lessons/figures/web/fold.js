// A trace folded into the state after any of its steps.
//
// A step says what it changed, `set: [[path, value], ...]`. Going forward applies that, and
// remembers what was there before; going back puts it there again. So a hand on the scrubber
// costs what lies between two moments, however long the trace is. Keyframes hold the whole state
// now and then: the fold starts at one of them. Nothing here knows what the state means.
//
// A keyframe is the state *after* its step. Its step is applied once more on top of it, which
// changes nothing: a set says what is, not by how much.

export class Fold {
  constructor(trace) {
    this.steps = trace.steps;
    this.keyframes = [...(trace.keyframes ?? [])].sort((a, b) => a[0] - b[0]);
    this.floor = Infinity;
    this.paths = [];
  }

  /** The state after `step`. It is the fold's own: look, do not keep. */
  at(step) {
    if (step < this.floor) this.startBefore(step);
    while (this.step < step) this.forward();
    while (this.step > step) this.back();
    return this.state;
  }

  startBefore(step) {
    const [number, whole] = this.keyframes.findLast(([first]) => first <= step) ?? [0, {}];
    this.floor = number;
    this.state = copied(whole);
    this.step = number - 1;
    this.undone = [];
  }

  forward() {
    this.step += 1;
    const changes = this.steps[this.step].set ?? [];
    this.paths[this.step] ??= changes.map(([path]) => path.split("/"));
    const paths = this.paths[this.step];
    this.undone[this.step] = changes.map(([, value], i) =>
      put(this.state, paths[i], copied(value)));
  }

  back() {
    for (const [names, value] of this.undone[this.step].reverse()) put(this.state, names, value);
    this.step -= 1;
  }
}

/** Set what lies at a path; null deletes it. Returns what puts it back: `[names, value]`. */
export function put(state, names, value) {
  let node = state;
  for (let depth = 0; depth < names.length - 1; depth += 1) {
    const inner = own(node, names[depth]);
    if (inner === null || typeof inner !== "object") {
      if (value === null) return [names, null];
      return [names.slice(0, depth + 1), grow(node, names.slice(depth), value)];
    }
    node = inner;
  }
  const last = names.at(-1);
  const before = own(node, last);
  if (value === null) delete node[last];
  else define(node, last, value);
  return [names, before];
}

// Folders that were missing on the way to a value, made from the inside out.
function grow(node, [first, ...rest], value) {
  const before = own(node, first);
  define(node, first, rest.reduceRight((inner, name) => define({}, name, inner), value));
  return before;
}

function own(node, name) {
  return Object.hasOwn(node, name) ? node[name] : null;
}

// A plain assignment, but for the one name with which that would not be one.
function define(node, name, value) {
  if (name !== "__proto__") {
    node[name] = value;
    return node;
  }
  const plain = { writable: true, enumerable: true, configurable: true };
  return Object.defineProperty(node, name, { value, ...plain });
}

// What a later step changes must not be the trace itself.
function copied(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(copied);
  const copy = {};
  for (const name of Object.keys(value)) define(copy, name, copied(value[name]));
  return copy;
}
