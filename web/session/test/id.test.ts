import { expect, test } from "vitest";
import { isSessionId, makeSessionId, RANDOM_LENGTH } from "../src/index.ts";

test("the id carries the time and the random part", () => {
  expect(makeSessionId(7, (count) => new Uint8Array(count).fill(35))).toBe(`session-7-${"z".repeat(RANDOM_LENGTH)}`);
});

test("bytes that would favour some characters are thrown away", () => {
  const rounds = [new Uint8Array([252, 253, 254, 255]), new Uint8Array(RANDOM_LENGTH).fill(36)];
  expect(makeSessionId(7, () => rounds.shift() ?? new Uint8Array())).toBe(`session-7-${"0".repeat(RANDOM_LENGTH)}`);
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
