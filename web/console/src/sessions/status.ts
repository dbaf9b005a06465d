import type { SessionRow } from "../api/types.ts";

export type Status = "parked" | "answering" | "connected" | "awake" | "asleep";

export const STATUSES: Readonly<Record<Status, string>> = {
  answering: "Answering now",
  connected: "Somebody is connected",
  awake: "In memory",
  parked: "Parked: no turn may run",
  asleep: "Not in memory",
};

/** The one word for a session; the most telling of those that fit. */
export function statusOf(row: Pick<SessionRow, "parked" | "running" | "sockets" | "awake">): Status {
  if (row.parked !== null) return "parked";
  if (row.running !== null) return "answering";
  if (row.sockets > 0) return "connected";
  return row.awake ? "awake" : "asleep";
}
