// What a strip shows, read from the state of a trace: the one place that knows the state tree.
//
// The picture, the table and the sentence for screen readers are all made from these rows, so
// they cannot disagree.

/** A partition as its leader has it. */
export function logRow(state, name) {
  const partition = state.partitions?.[name] ?? {};
  const node = holder(state, name, partition);
  const log = (node && state.logs?.[node]?.[name]) || {};
  const status = state.nodes?.[node]?.status ?? "up";
  const start = log.start ?? 0;
  const end = log.end ?? start;
  return {
    kind: "log", name, node, status,
    gone: isGone(status),
    leader: partition.leader ?? null,
    epoch: log.epoch ?? partition.epoch ?? 0,
    isr: partition.isr ?? [],
    start, end,
    hw: Math.min(log.hw ?? end, end),
    first: start,
    records: log.records ?? {},
    readers: readersOf(state, name, log.hw ?? end),
  };
}

/** A partition as one of its replicas has it. */
export function replicaRow(state, node, name) {
  const partition = state.partitions?.[name] ?? {};
  const log = state.logs?.[node]?.[name];
  const status = state.nodes?.[node]?.status ?? "up";
  const end = log?.end ?? 0;
  const row = {
    kind: "log", name, node: log ? String(node) : null, status, gone: isGone(status),
    held: Boolean(log), leader: partition.leader ?? null,
    epoch: log?.epoch ?? partition.epoch ?? 0, isr: partition.isr ?? [], start: log?.start ?? 0,
    end, hw: Math.min(log?.hw ?? end, end), first: log?.start ?? 0, records: log?.records ?? {},
    readers: [],
  };
  return { ...row, note: roleOf(row, partition, log, String(node)) };
}

// What a replica is, by the metadata; one that has not heard yet believes something else.
function roleOf(row, partition, log, node) {
  const leads = String(partition.leader) === node;
  // Who has died leads on in the metadata, until somebody else is elected.
  if (leads) return { text: `leader · epoch ${row.epoch}`, tone: row.gone ? "" : "lead" };
  if (log?.role === "leader" && !row.gone && row.status !== "starting") {
    return { text: `still leads in epoch ${row.epoch}`, tone: "danger" };
  }
  if ((partition.isr ?? []).map(String).includes(node)) return { text: "follower", tone: "" };
  if ((partition.elr ?? []).map(String).includes(node)) return { text: "eligible", tone: "" };
  return { text: "out of sync", tone: "danger" };
}

/** A broker as such: what it is in the quorum, or that it is gone. */
export function brokerRow(state, node) {
  const { status = "up", controller, role, epoch, fenced } = state.nodes?.[node] ?? {};
  const gone = isGone(status);
  const note = noteOfBroker(status, gone, { controller, role, epoch, fenced });
  return { node, status, gone, note };
}

function noteOfBroker(status, gone, { controller, role, epoch, fenced }) {
  const inEpoch = epoch === undefined ? "" : ` · epoch ${epoch}`;
  if (gone) return { text: status, tone: "danger" };
  if (status !== "up") return { text: status, tone: "" };
  if (fenced) return { text: "fenced", tone: "danger" };
  if (controller) return { text: `controller${inEpoch}`, tone: "lead" };
  if (role === "candidate" || role === "prospective") {
    return { text: `candidate${inEpoch}`, tone: "lead" };
  }
  return { text: "", tone: "" };
}

function isGone(status) {
  return status === "crashed" || status === "stopped";
}

// A partition without a leader is shown as the last one who is left to tell has it.
function holder(state, name, partition) {
  const nodes = [partition.leader, ...(partition.replicas ?? []), ...Object.keys(state.logs ?? {})];
  const found = nodes.find((node) => state.logs?.[node]?.[name]);
  return found === undefined ? null : String(found);
}

function readersOf(state, name, hw) {
  const readers = [];
  for (const [client, { kind, positions, status }] of Object.entries(state.clients ?? {})) {
    const position = positions?.[name];
    if (position === undefined || position === null || kind === "producer") continue;
    readers.push({ name: client, position, lag: Math.max(0, hw - position), status });
  }
  return readers;
}

/**
 * A queue: `messages` are those still waiting, by the number with which they came, and what
 * was taken is gone. (As a list, they start at number `taken`.)
 */
export function queueRow(state, name) {
  const queue = state.queues?.[name] ?? {};
  const taken = queue.taken ?? 0;
  const messages = Array.isArray(queue.messages)
    ? Object.fromEntries(queue.messages.map((message, i) => [taken + i, message]))
    : queue.messages ?? {};
  const numbers = Object.keys(messages).map(Number);
  const end = Math.max(queue.put ?? 0, taken, ...numbers.map((number) => number + 1));
  const first = numbers.length > 0 ? Math.min(...numbers) : end;
  return {
    kind: "queue", name, status: "up", gone: false, start: 0, end, hw: end, first,
    records: messages, readers: [], waiting: numbers.length,
  };
}

/** The line under a partition's name, and whether it is news. */
export function noteOf(row) {
  if (row.note) return row.note;
  if (row.kind === "queue") {
    const gone = row.end - row.waiting;
    return { text: `${row.waiting} waiting${gone > 0 ? ` · ${gone} gone` : ""}`, tone: "" };
  }
  if (row.gone) return { text: `broker ${row.node} ${row.status}`, tone: "danger" };
  if (row.status !== "up") return { text: `broker ${row.node} ${row.status}`, tone: "" };
  if (row.leader === null || row.leader < 0) {
    return row.node === null ? { text: "", tone: "" } : { text: "no leader", tone: "danger" };
  }
  return { text: `leader: broker ${row.leader}`, tone: "" };
}

/** What a client does or has done, in a few words; `sends` is what it has in the air. */
export function doing(client, sends = "") {
  if (!client) return "not there yet";
  if (client.status && client.status !== "up") return client.status;
  if (sends) return sends;
  if (client.kind === "producer") return `acked ${client.acked ?? 0} of ${client.sent ?? 0}`;
  if (client.read === undefined) return client.last ?? "";
  const more = client.fetched > 0 ? `, has ${client.fetched} more` : "";
  return `read ${client.read}${more}`;
}

/** A record in words: key, and what else is known of it. */
export function recordText(record) {
  if (!record) return "deleted";
  if (record.kind === "commit" || record.kind === "abort") return `${record.kind} marker`;
  const key = record.key === null || record.key === undefined ? "no key" : record.key;
  if (record.kind === "tombstone" || record.value === null) return `${key}, tombstone`;
  return record.value === undefined || record.value === "" ? key : `${key} ${record.value}`;
}
