import type { Query } from "../api/client.ts";
import { nanoFromDollars } from "../format/format.ts";
import { secondsFrom } from "../format/duration-field.ts";

export const SORTS = ["active", "created", "cost", "address"] as const;

export type Sort = (typeof SORTS)[number];

export const AGES: Readonly<Record<string, string>> = {
  "": "Any age",
  "active:1h": "Active in the last hour",
  "active:24h": "Active in the last 24 hours",
  "active:7d": "Active in the last 7 days",
  "idle:1h": "Idle for more than an hour",
  "idle:24h": "Idle for more than 24 hours",
  "idle:7d": "Idle for more than 7 days",
  "idle:30d": "Idle for more than 30 days",
};

/** What an address says about the list of sessions, as the API is asked. Ages are counted from `now`. */
export function sessionQuery(parameters: Readonly<Record<string, string>>, now: number): Query {
  const { q, owner, agent, status, age = "", cost = "" } = parameters;
  const [kind, span = ""] = age.split(":");
  const seconds = secondsFrom(span);
  const { sort, order } = sortOf(parameters);
  return {
    q,
    owner,
    agent,
    status,
    sort,
    order,
    active_from: kind === "active" && seconds !== null ? now - seconds * 1000 : undefined,
    idle: kind === "idle" && seconds !== null ? seconds : undefined,
    min_cost_nano: nanoFromDollars(cost) || undefined,
  };
}

export function sortOf(parameters: Readonly<Record<string, string>>): { sort: Sort; order: "asc" | "desc" } {
  const sort = SORTS.find((name) => name === parameters.sort) ?? "active";
  const usual = sort === "address" ? "asc" : "desc";
  return { sort, order: parameters.order === "asc" || parameters.order === "desc" ? parameters.order : usual };
}

/** How many filters are set, not counting the search. */
export function filterCount({ owner, agent, status, age, cost }: Readonly<Record<string, string>>): number {
  return [owner, agent, status, age, cost].filter(Boolean).length;
}
