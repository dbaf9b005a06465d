import { expect, test } from "vitest";
import { ago, bytes, compact, count, counted, duration, money, nanoFromDollars, share, value } from "../src/format/format.ts";
import { secondsFrom } from "../src/format/duration-field.ts";

test.each([
  [0, "$0"],
  [1, "<$0.000001"],
  [1_500, "$0.000002"],
  [12_345_678, "$0.0123"],
  [123_456, "$0.000123"],
  [1_000_000_000, "$1.00"],
  [1_234_567_890_000, "$1,234.57"],
  [-2_500_000_000, "−$2.50"],
  [null, "–"],
])("%s billionths of a dollar are %s", (nano, text) => {
  expect(money(nano)).toBe(text);
});

test.each([
  ["0.25", 250_000_000],
  ["$1.5", 1_500_000_000],
  ["", null],
  ["-1", null],
  ["much", null],
])("an operator's %j is %s billionths", (text, nano) => {
  expect(nanoFromDollars(text)).toBe(nano);
});

test.each([
  [0, "0 ms"],
  [4.25, "4.3 ms"],
  [840, "840 ms"],
  [1000, "1 s"],
  [1240, "1.24 s"],
  [59_940, "59.9 s"],
  [60_000, "1 min"],
  [125_000, "2 min 5 s"],
  [3_600_000 * 3 + 60_000 * 20, "3 h 20 min"],
  [86_400_000 * 4 + 3_600_000 * 2, "4 d 2 h"],
  [-1500, "−1.5 s"],
  [null, "–"],
  [Number.NaN, "–"],
])("%s ms are %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("figures are grouped, and large ones shortened", () => {
  expect([count(1_234_567), count(null), compact(9_999), compact(12_345), compact(1_234_567)]).toEqual([
    "1,234,567",
    "–",
    "9,999",
    "12.3K",
    "1.2M",
  ]);
});

test("things are counted", () => {
  expect([counted(0, "turn"), counted(1, "turn"), counted(2000, "turn")]).toEqual(["0 turns", "1 turn", "2,000 turns"]);
});

test("times are told from now", () => {
  const now = 1_800_000_000_000;
  expect([ago(now - 1000, now), ago(now - 300_000, now), ago(now + 7_200_000, now), ago(0, now), ago(null, now)]).toEqual([
    "just now",
    "5 min ago",
    "in 2 h",
    "–",
    "–",
  ]);
});

test("sizes, shares and settings", () => {
  expect([bytes(12), bytes(3_500), bytes(2_200_000)]).toEqual(["12 B", "3.4 KB", "2.1 MB"]);
  expect([share(1, 8), share(1, 4), share(0, 0)]).toEqual(["12.5 %", "25 %", "–"]);
  expect([value(null), value(""), value(true), value(65_536), value(0.5), value([]), value(["a", 1]), value("••••")]).toEqual([
    "–",
    "“”",
    "yes",
    "65,536",
    "0.5",
    "none",
    "a, 1",
    "••••",
  ]);
});

test.each([
  ["90", 90],
  ["15m", 900],
  ["12 h", 43_200],
  ["30d", 2_592_000],
  ["1.5h", 5400],
  ["", null],
  ["h", null],
  ["5 years", null],
])("%j is %s seconds", (text, seconds) => {
  expect(secondsFrom(text)).toBe(seconds);
});
