import { expect, test } from "vitest";
import { isSessionId, makeSessionId, RANDOM_LENGTH } from "../src/id.ts";

test("the id carries the time and the random part", () => {
  expect(makeSessionId(7, (count) => new Uint8Array(count).fill(31))).toBe(`session-7-${"v".repeat(RANDOM_LENGTH)}`);
});

test("every character is equally likely", () => {
  const counts = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) {
    const last = makeSessionId(7, (count) => new Uint8Array(count).fill(byte)).at(-1)!;
    counts.set(last, (counts.get(last) ?? 0) + 1);
  }
  expect(counts.size).toBe(32);
  expect(new Set(counts.values())).toEqual(new Set([8]));
});

test.each(["a", "user@example.com:3", "session-1-abc", "two words", "x".repeat(128)])("%s is an id", (id) => {
  expect(isSessionId(id)).toBe(true);
});

test.each(["", ".", "..", " a", "a ", "a/b", "a?b", "é", "a\n", "x".repeat(129), null, undefined])(
  "%j is not an id",
  (id) => {
    expect(isSessionId(id)).toBe(false);
  },
);
