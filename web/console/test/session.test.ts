import { expect, test } from "vitest";
import { problemFrom, asProblem } from "../src/api/problem.ts";
import type { Setting, Turn } from "../src/api/types.ts";
import { pointLabel, scaleTop, stacked } from "../src/charts/series.ts";
import { fileName } from "../src/chrome/save-file.ts";
import { groupsOf, settingsLike } from "../src/config/groups.ts";
import { LineCutter, matches } from "../src/session/frame-lines.ts";
import { KEPT, TailLog } from "../src/session/live/tail-log.ts";
import { readMessage } from "../src/session/transcript/parts.ts";
import { ganttOf, timings } from "../src/session/turns/gantt.ts";
import { statusOf } from "../src/sessions/status.ts";

const turn: Turn = {
  id: "t",
  open: false,
  accepted_ms: 1000,
  first_ms: 1250,
  ended_ms: 2000,
  spans: [
    { kind: "model", name: "m", start_ms: 1100, end_ms: 1500 },
    { kind: "tool", name: "weather", start_ms: 1500, end_ms: 1750, error: "no" },
  ],
};

test("spans lie where they were in the turn", () => {
  expect(ganttOf(turn, 99_999)).toEqual({
    length: 1000,
    first: 0.25,
    bars: [
      { kind: "model", name: "m", left: 0.1, width: 0.4, after: 100, length: 400, error: null, open: false },
      { kind: "tool", name: "weather", left: 0.5, width: 0.25, after: 500, length: 250, error: "no", open: false },
    ],
  });
  expect(timings(turn)).toEqual({ first: 250, whole: 1000 });
});

test("a turn that runs grows until now, and times that contradict each other stay inside", () => {
  const open = ganttOf({ id: "t", open: true, accepted_ms: 1000, ended_ms: 0, spans: [{ kind: "model", name: "m", start_ms: 1500, end_ms: null }] }, 3000);
  expect(open).toMatchObject({ length: 2000, first: null, bars: [{ left: 0.25, width: 0.75, length: 1500, open: true }] });
  const odd = ganttOf({ ...turn, spans: [{ kind: "model", name: "m", start_ms: 500, end_ms: 9000 }] }, 0);
  expect(odd.bars[0]).toMatchObject({ left: 0, width: 1 });
  expect(ganttOf({ id: "t", open: false }, 5)).toMatchObject({ bars: [], first: null });
  expect(timings({ id: "t", open: true, accepted_ms: 10, first_ms: 0, ended_ms: 0 })).toEqual({ first: null, whole: null });
});

test("lines of a tail are whole however the bytes are cut", () => {
  const text = '{"a":"ü"}\n\n{"b":2}\n{"c"';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size++) {
    const cutter = new LineCutter();
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...cutter.push(bytes.slice(at, at + size)));
    expect(lines).toEqual(['{"a":"ü"}', '{"b":2}']);
    expect(cutter.push(new TextEncoder().encode(":3}\n"))).toEqual(['{"c":3}']);
  }
});

test("a filter holds words that must be there and words that must not", () => {
  const frame = '{"type":"cf_agent_use_chat_response","replay":true}';
  expect([matches(frame, ""), matches(frame, "CHAT response"), matches(frame, "chat -replay"), matches(frame, "-other"), matches(frame, "- ")]).toEqual([
    true,
    true,
    false,
    true,
    true,
  ]);
});

test("a paused tail keeps what comes and shows it afterwards, and forgets the oldest", () => {
  const log = new TailLog();
  log.add(['{"type":"a"}'], 1);
  log.setPaused(true);
  log.add(['{"type":"b"}'], 2);
  expect(log.frames().map(({ type }) => type)).toEqual(["a"]);
  log.setPaused(false);
  expect(log.frames().map(({ type }) => type)).toEqual(["a", "b"]);
  expect(log.text()).toBe('{"type":"a"}\n{"type":"b"}\n');
  log.add(Array.from({ length: KEPT }, () => '{"type":"c"}'), 3);
  expect([log.frames().length, log.frames()[0]?.type, log.count]).toEqual([KEPT, "c", KEPT + 2]);
  log.clear();
  expect(log.frames()).toEqual([]);
});

test("messages are read as they are, whatever they are", () => {
  expect(
    readMessage(
      {
        id: "m",
        role: "assistant",
        parts: [
          { type: "step-start" },
          { type: "text", text: "hi" },
          { type: "tool-weather", state: "output-available", input: { city: "Oslo" }, output: 3 },
          { type: "dynamic-tool", toolName: "x", state: "output-error", errorText: "no" },
          { type: "data-mood", data: 1 },
          "nonsense",
          { type: "file", url: "https://x/", mediaType: "image/png" },
        ],
      },
      0,
    ).parts.map((part) => [part.kind, "name" in part ? part.name : ""]),
  ).toEqual([["text", ""], ["tool", "weather"], ["tool", "x"], ["other", "data-mood"], ["other", "unknown"], ["file", ""]]);
  expect(readMessage(null, 4)).toMatchObject({ id: "4", role: "unknown", parts: [] });
});

test("problems are in the server's words, and others get words", () => {
  const refused = problemFrom(403, '{"error":{"code":"access.forbidden","message":"No.","remedy":"Ask.","retry":false}}');
  expect(refused).toMatchObject({ status: 403, code: "access.forbidden", message: "No.", remedy: "Ask.", retry: false });
  expect(problemFrom(502, "<html>Bad gateway</html>")).toMatchObject({ code: "unexpected", retry: true });
  expect(problemFrom(502, "<html>Bad gateway</html>").message).toContain("502");
  expect(asProblem(new TypeError("Failed to fetch"))).toMatchObject({ code: "unreachable", retry: true });
  expect(asProblem(refused)).toBe(refused);
});

test("the most telling word for a session", () => {
  const asleep = { parked: null, running: null, sockets: 0, awake: false };
  expect([
    statusOf(asleep),
    statusOf({ ...asleep, awake: true }),
    statusOf({ ...asleep, awake: true, sockets: 1 }),
    statusOf({ ...asleep, awake: true, sockets: 1, running: "t" }),
    statusOf({ ...asleep, awake: true, running: "t", parked: "why" }),
  ]).toEqual(["asleep", "awake", "connected", "answering", "parked"]);
});

test("stacked bars lie on each other, the topmost behind", () => {
  const series = [
    { label: "a", colour: "", values: [1, null, 3] },
    { label: "b", colour: "", values: [10, 20, null] },
  ];
  expect(stacked(series)).toEqual([
    [11, 20, 3],
    [1, 0, 3],
  ]);
  expect([scaleTop(stacked(series), 4), scaleTop([[null]], 4)]).toEqual([20 * 1.08, 4]);
});

test("days are named in UTC", () => {
  expect(pointLabel(Date.UTC(2026, 2, 1), "day", true)).toBe("1 Mar");
  expect(pointLabel(Date.UTC(2026, 2, 1), "day", false)).toBe("1 Mar UTC");
});

test("settings in groups, and those that are looked for", () => {
  const setting = (name: string, source: Setting["source"], description = ""): Setting => ({
    name,
    value: 1,
    default: 1,
    secret: false,
    source,
    description,
  });
  const all = [setting("limits.sockets", "default", "open sockets"), setting("data", "set"), setting("limits.turns", "set")];
  expect(groupsOf(all).map(([group, members]) => [group, members.length])).toEqual([
    ["", 1],
    ["limits", 2],
  ]);
  expect(settingsLike(all, "SOCK open", false)).toEqual([all[0]]);
  expect(settingsLike(all, "", true)).toEqual([all[1], all[2]]);
});

test("file names hold nothing that a file system does not like", () => {
  expect(fileName("user:anna/../x", "zip")).toBe("user-anna-..-x.zip");
});
