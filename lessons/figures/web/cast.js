// Who and what appears in a trace, from its first step to its last.
//
// A figure that grew a strip when a partition first appears would jump. So the cast is read
// once from the whole trace, and the stage is laid out for all of it.

const GROUP_COLOURS = ["sage", "terracotta", "slate"];
export const KEY_COLOURS = 6;

export class Cast {
  constructor(trace) {
    this.partitions = new Map();
    this.queues = new Set();
    this.nodes = new Set();
    this.clients = new Map();
    this.readers = new Map();
    this.values = new Set();
    this.homes = new Map();
    this.lettering = new Lettering();
    const [first] = trace.keyframes ?? [];
    if (first) this.meet([], first[1]);
    for (const step of trace.steps) {
      for (const [path, value] of step.set ?? []) this.meet(path.split("/"), value);
    }
    this.partitions = new Map([...this.partitions].sort(([, a], [, b]) =>
      a.topic.localeCompare(b.topic) || a.index - b.index));
  }

  meet(path, value) {
    const [branch, name, third, fourth, fifth] = path;
    if (value === null) return;
    if (branch === "partitions" && name) this.meetPartition(name);
    if (branch === "logs" && third) this.meetPartition(third);
    if (branch === "queues" && name) this.queues.add(name);
    if (branch === "nodes" && name) this.nodes.add(name);
    if (branch === "clients" && name) this.meetClient(name, third, fourth, value);
    const isRecord = branch === "logs" ? fourth === "records" && fifth !== undefined
      : branch === "queues" && third === "messages" && fourth !== undefined;
    if (isRecord) this.meetRecord(value, branch === "logs" ? third : name);
    else if (typeof value === "object") {
      for (const [inner, part] of Object.entries(value)) this.meet([...path, inner], part);
    }
  }

  meetPartition(name) {
    if (this.partitions.has(name)) return;
    const dash = name.lastIndexOf("-");
    this.partitions.set(name, { topic: name.slice(0, dash), index: Number(name.slice(dash + 1)) });
  }

  meetClient(name, field, partition, value) {
    if (!this.clients.has(name)) this.clients.set(name, { name, kind: "client", group: null });
    const client = this.clients.get(name);
    if (field === "kind") client.kind = value;
    if (field === "group") client.group = value;
    if (field === "positions" && partition) {
      if (!this.readers.has(partition)) this.readers.set(partition, []);
      const readers = this.readers.get(partition);
      if (!readers.includes(name)) readers.push(name);
    }
  }

  meetRecord(record, home) {
    this.lettering.of(record.key);
    if (!this.homes.has(record.key)) this.homes.set(record.key, new Set());
    this.homes.get(record.key).add(home);
    if (typeof record.value === "string") this.values.add(record.value);
  }

  /**
   * The keys that a message carries to or from one of its partitions. The trace lists them all
   * together; which is whose is told by where records with that key lie, if that is one place.
   */
  keysFor(message, partition) {
    const keys = message.keys ?? [];
    const places = message.partitions ?? [];
    if (places.length < 2) return keys;
    const homeOf = (key) => {
      const homes = places.filter((place) => this.homes.get(key)?.has(place));
      return homes.length === 1 ? homes[0] : null;
    };
    return keys.every(homeOf) ? keys.filter((key) => homeOf(key) === partition) : [];
  }

  /** The colour of a consumer: its group's, or its own when it has none. */
  colour(name) {
    const groups = [...this.clients.values()]
      .filter((client) => client.kind === "consumer")
      .map((client) => client.group ?? client.name);
    const client = this.clients.get(name);
    const place = [...new Set(groups)].indexOf(client?.group ?? name);
    return GROUP_COLOURS[Math.max(0, place) % GROUP_COLOURS.length];
  }

  /** The names of all brokers, in order. */
  brokers() {
    return [...this.nodes].sort((a, b) => Number(a) - Number(b));
  }

  kind(kind) {
    return [...this.clients.values()].filter((client) => client.kind === kind);
  }
}

/** Keys as letters and colours: a key that is short stands for itself, others get a letter. */
export class Lettering {
  constructor() {
    this.known = new Map();
    this.next = 0;
  }

  /** `{ letter, colour }` of a key, or null for a record without one. */
  of(key) {
    if (key === null || key === undefined) return null;
    if (!this.known.has(key)) this.known.set(key, this.choose(key));
    return this.known.get(key);
  }

  choose(key) {
    if (/^[A-Z]$/.test(key)) return { letter: key, colour: colourOf(key.charCodeAt(0) - 65) };
    const place = this.next;
    this.next += 1;
    const letter = key.length <= 2 ? key : letterOf(place);
    return { letter, colour: colourOf(place) };
  }

  /** What a reader must be told: letters that are not the key itself. */
  legend() {
    return [...this.known].filter(([key, sign]) => sign.letter !== key);
  }
}

function colourOf(place) {
  return (place % KEY_COLOURS) + 1;
}

function letterOf(place) {
  const letter = String.fromCharCode(65 + (place % 26));
  return place < 26 ? letter : `${letter}${Math.floor(place / 26) + 1}`;
}

/** The partitions that a figure shows: those that are named, or all of its topics. */
export function shownPartitions(cast, { partitions, topics }) {
  if (partitions?.length > 0) return partitions;
  return [...cast.partitions].filter(([, { topic }]) =>
    (topics?.length > 0 ? topics.includes(topic) : !topic.startsWith("__"))).map(([name]) => name);
}
