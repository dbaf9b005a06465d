import { expect, test } from "vitest";
import { type DiffLine, diffLines, hunks } from "../src/session/diff.ts";
import { checkJson, prettyJson } from "../src/session/json-text.ts";

const signs = (lines: readonly (DiffLine | null)[]) =>
  lines.map((line) => (line === null ? "…" : { same: " ", added: "+", removed: "-" }[line.kind] + line.text));

test.each([
  ["a\nb\nc", "a\nb\nc", [" a", " b", " c"]],
  ["a\nb\nc", "a\nx\nc", [" a", "-b", "+x", " c"]],
  ["a\nc", "a\nb\nc", [" a", "+b", " c"]],
  ["a\nb\nc", "c", ["-a", "-b", " c"]],
  ["a\nb\nc\nd", "b\nx\nd", ["-a", " b", "-c", "+x", " d"]],
  ["x\nx", "x\nx\nx", [" x", " x", "+x"]],
])("%j becomes %j", (before, after, expected) => {
  expect(signs(diffLines(before, after))).toEqual(expected);
});

test("both texts can be read back from a diff, and line numbers count in each", () => {
  const before = Array.from({ length: 300 }, (_, index) => `line ${index % 17} ${index % 5}`);
  const after = before.filter((_, index) => index % 7 !== 3).flatMap((line, index) => (index % 11 ? [line] : [line, "new"]));
  const lines = diffLines(before.join("\n"), after.join("\n"));
  expect(lines.filter(({ kind }) => kind !== "added").map(({ text }) => text)).toEqual(before);
  expect(lines.filter(({ kind }) => kind !== "removed").map(({ text }) => text)).toEqual(after);
  expect(lines.flatMap(({ before }) => (before === null ? [] : [before]))).toEqual(before.map((_, index) => index + 1));
  expect(lines.flatMap(({ after }) => (after === null ? [] : [after]))).toEqual(after.map((_, index) => index + 1));
});

test("texts too large to compare are shown as replaced, quickly", () => {
  const before = Array.from({ length: 5000 }, (_, index) => `a${index}`).join("\n");
  const lines = diffLines(before, before.replaceAll("a", "b"));
  expect([lines.filter(({ kind }) => kind === "removed").length, lines.filter(({ kind }) => kind === "added").length]).toEqual([
    5000, 5000,
  ]);
});

test("only what is near a change is shown", () => {
  const before = Array.from({ length: 20 }, (_, index) => String(index));
  const after = [...before];
  after[10] = "x";
  expect(signs(hunks(diffLines(before.join("\n"), after.join("\n")), 1))).toEqual(["…", " 9", "-10", "+x", " 11", "…"]);
  expect(hunks(diffLines("a", "a"))).toEqual([null]);
});

test("JSON is made pretty without changing what it says", () => {
  const text = '{"a":[1,2.50,{"b":{}}],"big":12345678901234567890,"s":"x, {\\"y\\": [1]}","e":[],"a":null}';
  const pretty = prettyJson(text);
  expect(pretty).toBe(`{
  "a": [
    1,
    2.50,
    {
      "b": {}
    }
  ],
  "big": 12345678901234567890,
  "s": "x, {\\"y\\": [1]}",
  "e": [],
  "a": null
}`);
  expect(prettyJson(pretty)).toBe(pretty);
  expect(JSON.stringify(JSON.parse(pretty))).toBe(JSON.stringify(JSON.parse(text)));
  expect(prettyJson("{oops")).toBe("{oops");
});

test("what is not JSON is said with its line", () => {
  expect(checkJson('{"a": 1}')).toEqual({ ok: true, value: { a: 1 } });
  expect(checkJson("  ")).toMatchObject({ ok: false, line: null });
  expect(checkJson('{\n  "a": 1,\n  b\n}')).toMatchObject({ ok: false, line: 3 });
});
