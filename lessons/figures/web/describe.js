// The same state in words and in tables, from the same rows that the picture is drawn from.

import { doing, noteOf, recordText } from "./rows.js";

const RECORDS_MAX = 200;
const SENTENCES_MAX = 4;

/** What is there now: the rows that the last step touched, or all of a few. */
export function sentenceOf(rows, touched) {
  const told = rows.filter((row) => touched.has(row.name));
  return (told.length > 0 ? told : rows).slice(0, SENTENCES_MAX).map(rowSentence).join(" ");
}

function rowSentence(row) {
  if (row.kind === "queue") return `${row.name}: ${noteOf(row).text}.`;
  if (row.node === null) return `${row.name} is not there yet.`;
  const lines = `log start ${row.start}, high watermark ${row.hw}, log end ${row.end}`;
  const gone = row.gone ? ` Broker ${row.node} ${row.status}.` : "";
  const readers = row.readers.map(({ name, position, lag }) =>
    ` ${name} at ${position}, lag ${lag}.`);
  return `${row.name}: ${lines}.${gone}${readers.join("")}`;
}

/** Names of the rows whose state a step has set. */
export function touchedBy(step) {
  const touched = new Set();
  for (const [path, value] of step.set ?? []) {
    const [branch, first, second, third] = path.split("/");
    if (branch === "logs") touched.add(second);
    if (branch === "partitions" || branch === "queues") touched.add(first);
    if (branch === "clients" && second === "positions") {
      const places = third ? [third] : Object.keys(value ?? {});
      for (const place of places) touched.add(place);
    }
  }
  return touched;
}

/** Tables of everything that the picture shows. */
export function tablesOf(state, rows, clients, flying) {
  const logs = rows.filter((row) => row.kind === "log" && row.node !== null);
  const queues = rows.filter((row) => row.kind === "queue");
  const tables = [partitions(logs), readers(logs), clientTable(state, clients),
    flightTable(flying)];
  tables.push(...queues.map(queueTable), ...logs.map(recordTable));
  return tables.filter(({ rows: lines }) => lines.length > 0);
}

function partitions(logs) {
  return {
    name: "Partitions",
    columns: ["partition", "leader", "epoch", "log start", "high watermark", "log end", "state"],
    rows: logs.map((row) => {
      const leader = row.leader === null || row.leader < 0 ? "none" : `broker ${row.leader}`;
      const health = row.status === "up" ? "online" : `broker ${row.node} ${row.status}`;
      return [row.name, leader, row.epoch, row.start, row.hw, row.end, health];
    }),
  };
}

function readers(logs) {
  return {
    name: "Positions",
    columns: ["consumer", "partition", "next offset", "lag"],
    rows: logs.flatMap((row) =>
      row.readers.map(({ name, position, lag }) => [name, row.name, position, lag])),
  };
}

function clientTable(state, clients) {
  return {
    name: "Clients",
    columns: ["client", "kind", "status", "what it does", "waiting for"],
    rows: clients.filter((name) => state.clients?.[name]).map((name) => {
      const client = state.clients[name];
      const waiting = (client.waiting ?? []).join(", ");
      return [name, client.kind, client.status ?? "up", doing(client), waiting];
    }),
  };
}

/** Messages on their way. */
export function flightTable(flying) {
  return {
    name: "Messages in flight",
    columns: ["message", "from", "to", "meaning"],
    rows: flying.map(({ flight }) => [flight.name, flight.from, flight.to,
      flight.lost ? `${flight.text} (lost)` : flight.text]),
  };
}

function queueTable(row) {
  const numbers = Object.keys(row.records).map(Number);
  return {
    name: `Messages of ${row.name}`,
    columns: ["place", "message"],
    rows: numbers.map((number, i) => [i + 1, recordText(row.records[number])]),
  };
}

function recordTable(row) {
  const from = Math.max(row.start, row.end - RECORDS_MAX);
  const rows = [];
  for (let offset = from; offset < row.end; offset += 1) {
    const record = row.records[offset];
    const committed = offset < row.hw ? "committed" : "not yet committed";
    rows.push([offset, record?.key ?? "", record?.value ?? "",
      record ? record.kind ?? "record" : "deleted", committed]);
  }
  const note = from > row.start ? `the last ${RECORDS_MAX} of ${row.end - row.start}` : "";
  const columns = ["offset", "key", "value", "kind", "state"];
  return { name: `Records of ${row.name}`, columns, rows, note };
}
