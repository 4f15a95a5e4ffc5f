// The line of one host: its name, whether it is up, what it leads, and who it is in the quorum.

import { keep, mark, svg, write } from "./dom.js";

export class Lane {
  constructor(name, title) {
    Object.assign(this, { name, label: title, spans: new Map() });
    this.title = svg("text", { class: "oz-lane-name" });
    this.line = svg("g");
    write(this.title, title);
  }

  place({ y, nameX, nameDy }) {
    this.y = y;
    mark(this.title, "x", nameX);
    mark(this.title, "y", y + nameDy);
  }

  /** `spans`: `{ from, to, kind, text }` by their number, with x already in pixels. */
  show(spans) {
    keep(this.spans, spans, () => {
      const hint = svg("title");
      const path = svg("path", {});
      const group = svg("g", {}, hint, path);
      this.line.append(group);
      return { group, hint, path };
    }, ({ group }) => group.remove());
    for (const [id, { from, to, kind, text }] of spans) {
      const { hint, path } = this.spans.get(id);
      mark(path, "class", `oz-span oz-span-${kind}`);
      mark(path, "d", `M${from} ${this.y}H${Math.max(from + 1, to)}`);
      write(hint, text);
    }
  }
}

/**
 * What a host was, from step to step: `{ first, last, kind, text }`. `leads(state, name)` says how
 * many of the partitions that are shown it leads.
 */
export function historyOf(name, steps, stateAt, leads) {
  const spans = [];
  steps.forEach((step, number) => {
    const says = (step.set ?? []).some(([path]) => /^(nodes|partitions|clients)/.test(path));
    if (number > 0 && !says) return;
    const now = kindOf(stateAt(number), name, leads);
    const before = spans.at(-1);
    if (before?.kind === now.kind && before.text === now.text) return;
    if (before) before.last = number;
    spans.push({ first: number, last: Infinity, ...now });
  });
  return spans;
}

function kindOf(state, name, leads) {
  const host = state.nodes?.[name] ?? state.clients?.[name];
  if (!host) return { kind: "absent", text: "not there yet" };
  const status = host.status ?? "up";
  if (status === "crashed" || status === "stopped") return { kind: "gone", text: status };
  if (status === "paused") return { kind: "gone", text: status };
  if (status !== "up") return { kind: "plain", text: status };
  const led = leads(state, name);
  if (led.length > 0) return { kind: "leads", text: `leads ${led.join(", ")}` };
  return { kind: "plain", text: host.controller ? "controller" : status };
}
