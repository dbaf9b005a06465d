import { expect, test } from "vitest";
import { adminBase, queryText, sessionPath } from "../src/api/client.ts";
import { readShortcut } from "../src/chrome/shortcuts.ts";
import { rangeOf, wholeHours } from "../src/overview/range.ts";
import { hrefTo, parseRoute, principalHref, sessionHref } from "../src/routing/route.ts";
import { filterCount, sessionQuery, sortOf } from "../src/sessions/filters.ts";

test.each([
  ["", ["overview"], {}],
  ["#/", ["overview"], {}],
  ["#/sessions", ["sessions"], {}],
  ["#/sessions?q=a%20b&status=parked", ["sessions"], { q: "a b", status: "parked" }],
  ["#/sessions/chat/a%2Fb%3Fc?tab=turns", ["sessions", "chat", "a/b?c"], { tab: "turns" }],
  ["#/sessions/chat/cut%2", ["sessions", "chat", "cut%2"], {}],
])("%j leads to %j", (hash, path, query) => {
  expect(parseRoute(hash)).toEqual({ path, query });
});

test("every address leads back to what it was made of", () => {
  for (const id of ["s-1", "user:anna/b#c?d=e&f", "ü ä%", "a+b"]) {
    expect(parseRoute(sessionHref("my agent", id, "state"))).toEqual({ path: ["sessions", "my agent", id], query: { tab: "state" } });
    expect(parseRoute(principalHref(id)).path).toEqual(["principals", id]);
    expect(parseRoute(hrefTo(["audit"], { session: id, action: "" }))).toEqual({ path: ["audit"], query: { session: id } });
  }
});

test("the API is beside the console, wherever the server is mounted", () => {
  expect(adminBase("http://host/console/")).toBe("http://host/admin/");
  expect(adminBase("https://host/apps/chat/console/?x=1#/sessions/a/b")).toBe("https://host/apps/chat/admin/");
  expect(sessionPath("a b", "c/d")).toBe("sessions/a%20b/c%2Fd");
  expect(queryText({ a: 1, b: "", c: null, d: undefined, e: "x y", f: 0, g: false })).toBe("?a=1&e=x+y&f=0&g=false");
  expect(queryText({})).toBe("");
});

const NOW = 1_800_000_000_000;

test("spans of time", () => {
  expect(rangeOf({}, NOW)).toEqual({ name: "24h", from: NOW - 86_400_000, to: NOW, step: "hour" });
  expect(rangeOf({ range: "30d" }, NOW)).toMatchObject({ name: "30d", step: "day" });
  expect(rangeOf({ range: "constructor" }, NOW, "7d")).toMatchObject({ name: "7d", step: "hour" });
  expect(rangeOf({ from: "1000", to: "3000" }, NOW)).toEqual({ name: "custom", from: 1000, to: 3000, step: "hour" });
  for (const [from, to] of [["5", "5"], ["9", "5"], ["x", "5"], ["-1", "5"]] as const) {
    expect(rangeOf({ from, to }, NOW).name).toBe("24h");
  }
  expect(wholeHours(3_600_001, 3_600_002)).toEqual({ from: 3_600_000, to: 7_200_000 });
  expect(wholeHours(3_600_000, 3_600_000)).toEqual({ from: 3_600_000, to: 7_200_000 });
});

test("filters in the address become a question to the API", () => {
  expect(sessionQuery({}, NOW)).toMatchObject({ sort: "active", order: "desc" });
  expect(sessionQuery({ q: "x", status: "parked", age: "idle:7d", cost: "0.5" }, NOW)).toMatchObject({
    q: "x",
    status: "parked",
    idle: 604_800,
    active_from: undefined,
    min_cost_nano: 500_000_000,
  });
  expect(sessionQuery({ age: "active:1h" }, NOW)).toMatchObject({ idle: undefined, active_from: NOW - 3_600_000 });
  expect(sortOf({ sort: "address" })).toEqual({ sort: "address", order: "asc" });
  expect(sortOf({ sort: "cost", order: "asc" })).toEqual({ sort: "cost", order: "asc" });
  expect(sortOf({ sort: "shoe size", order: "up" })).toEqual({ sort: "active", order: "desc" });
  expect(filterCount({ q: "x", owner: "user:a", cost: "1" })).toBe(2);
});

test("keys", () => {
  expect(readShortcut("g", Infinity)).toBe("chord");
  expect(readShortcut("s", 200)).toEqual({ go: "sessions" });
  expect(readShortcut("s", 2000)).toBeNull();
  expect(readShortcut("?", Infinity)).toBe("help");
  expect(readShortcut("x", 100)).toBeNull();
});
