// A cluster in words and in tables, from the rows that the picture is drawn from.

import { flightTable } from "./describe.js";
import { cutsOf } from "./links.js";
import { brokerRow, doing, replicaRow } from "./rows.js";

const TOLD_MAX = 4;
/** Requests that decide who leads, who is in sync and who belongs to the cluster. */
export const DECISIVE = ["Vote", "BeginQuorumEpoch", "EndQuorumEpoch", "AlterPartition",
  "BrokerRegistration", "ElectLeaders", "FetchSnapshot"];

/** What is there now: who is gone, who leads what, and which links are cut. */
export function clusterSentence(state, brokers, partitions, step) {
  const gone = brokers.map((name) => brokerRow(state, name)).filter((row) => row.gone)
    .map(({ node, status }) => `Broker ${node} ${status}.`);
  const touched = partitions.filter((name) =>
    (step.set ?? []).some(([path]) => path.split("/").includes(name)));
  const told = (touched.length > 0 ? touched : partitions).slice(0, TOLD_MAX)
    .map((name) => partitionSentence(state, name));
  const cuts = cutsOf(state).map(({ text }) => `${text}.`);
  return [...gone, ...told, ...cuts].join(" ");
}

function partitionSentence(state, name) {
  const partition = state.partitions?.[name];
  if (!partition) return `${name} is not there yet.`;
  const leads = partition.leader >= 0 ? `led by broker ${partition.leader}` : "without a leader";
  const isr = (partition.isr ?? []).join(", ") || "nobody";
  const row = replicaRow(state, partition.leader, name);
  const lines = row.held ? `, high watermark ${row.hw}, log end ${row.end}` : "";
  return `${name}: ${leads} in epoch ${partition.epoch}, in sync ${isr}${lines}.`;
}

/** Tables of everything that the picture shows. */
export function clusterTables(state, brokers, partitions, clients, flying) {
  return [brokerTable(state, brokers), partitionTable(state, partitions),
    replicaTable(state, brokers, partitions), clusterClients(state, clients), cutTable(state),
    flightTable(flying)].filter(({ rows }) => rows.length > 0);
}

function brokerTable(state, brokers) {
  return {
    name: "Brokers",
    columns: ["broker", "status", "in the quorum", "quorum epoch"],
    rows: brokers.filter((name) => state.nodes?.[name]).map((name) => {
      const { status, role, controller, epoch } = state.nodes[name];
      return [name, status ?? "up", controller ? "controller" : role ?? "", epoch ?? ""];
    }),
  };
}

function partitionTable(state, partitions) {
  return {
    name: "Partitions",
    columns: ["partition", "leader", "leader epoch", "replicas", "in sync"],
    rows: partitions.filter((name) => state.partitions?.[name]).map((name) => {
      const { leader, epoch, replicas = [], isr = [] } = state.partitions[name];
      return [name, leader < 0 ? "none" : leader, epoch, replicas.join(", "), isr.join(", ")];
    }),
  };
}

function replicaTable(state, brokers, partitions) {
  const rows = brokers.flatMap((broker) =>
    partitions.map((name) => replicaRow(state, broker, name)));
  return {
    name: "Replicas",
    columns: ["partition", "broker", "role", "log start", "high watermark", "log end", "records"],
    rows: rows.filter((row) => row.held).map((row) => [row.name, row.node, row.note.text,
      row.start, row.hw, row.end, letters(row)]),
  };
}

function letters(row) {
  return Object.entries(row.records).map(([offset, { key }]) => {
    const bar = Number(offset) === row.hw && row.hw < row.end ? "| " : "";
    return bar + (key ?? "·");
  }).join(" ");
}

function clusterClients(state, clients) {
  return {
    name: "Clients",
    columns: ["client", "kind", "what it does"],
    rows: clients.filter((name) => state.clients?.[name]).map((name) =>
      [name, state.clients[name].kind, doing(state.clients[name])]),
  };
}

function cutTable(state) {
  return { name: "Cut links", columns: ["who"], rows: cutsOf(state).map(({ text }) => [text]) };
}
