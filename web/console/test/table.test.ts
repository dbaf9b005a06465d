import { expect, test } from "vitest";
import { type Page, pageOfRow, pageToLoad, rowsOf, withPage } from "../src/table/pages.ts";
import { rowAfterKey, scrollToShow, visibleWindow } from "../src/table/window.ts";

test("only what can be seen of ten thousand rows is drawn", () => {
  expect(visibleWindow(0, 600, 40, 10_000, 8)).toEqual({ first: 0, end: 23 });
  expect(visibleWindow(200_000, 600, 40, 10_000, 8)).toEqual({ first: 4992, end: 5023 });
  expect(visibleWindow(399_400, 600, 40, 10_000, 8)).toEqual({ first: 9977, end: 10_000 });
  expect(visibleWindow(-50, 600, 40, 3, 8)).toEqual({ first: 0, end: 3 });
  expect(visibleWindow(900_000, 600, 40, 10, 8)).toEqual({ first: 10, end: 10 });
  expect(visibleWindow(0, 600, 40, 0, 8)).toEqual({ first: 0, end: 0 });
});

test("every row that the viewport touches is in the window", () => {
  for (let top = 0; top < 4000; top += 7) {
    const { first, end } = visibleWindow(top, 333, 40, 100, 0);
    expect(first * 40).toBeLessThanOrEqual(Math.min(top, 4000));
    expect(end * 40).toBeGreaterThanOrEqual(Math.min(top + 333, 4000));
  }
});

test("a row is scrolled to only when it cannot be seen whole", () => {
  expect([scrollToShow(5, 100, 400, 40), scrollToShow(0, 100, 400, 40), scrollToShow(20, 100, 400, 40)]).toEqual([100, 0, 440]);
});

test.each([
  ["ArrowDown", 3, 4],
  ["j", 99, 99],
  ["ArrowUp", 0, 0],
  ["k", 3, 2],
  ["PageDown", 3, 13],
  ["PageUp", 3, 0],
  ["Home", 50, 0],
  ["End", 50, 99],
  ["ArrowDown", -1, 0],
  ["x", 3, null],
])("%s moves from %i to %s", (key, row, to) => {
  expect(rowAfterKey(key, row, 100, 10)).toBe(to);
});

test("no key moves in an empty table", () => {
  expect(rowAfterKey("End", -1, 0, 10)).toBeNull();
});

const page = (after: string | null, rows: string[], next: string | null): Page<string> => ({ after, rows, next });
const itself = (row: string) => row;

test("pages follow each other, and a row that has moved is shown once", () => {
  const pages = withPage(withPage([], page(null, ["a", "b"], "b")), page("b", ["b", "c"], null));
  expect(rowsOf(pages, itself)).toEqual(["a", "b", "c"]);
  expect(withPage(pages, page("z", ["x"], null))).toEqual(pages); // An answer that nothing leads to any more.
});

test("a page that is loaded again stays only before a page that follows it", () => {
  const pages = [page(null, ["a", "b"], "b"), page("b", ["c", "d"], "d"), page("d", ["e"], null)];
  expect(rowsOf(withPage(pages, page("b", ["C", "d"], "d")), itself)).toEqual(["a", "b", "C", "d", "e"]);
  const cut = withPage(pages, page(null, ["new", "a"], "a"));
  expect(cut).toEqual([page(null, ["new", "a"], "a")]);
});

test("the page of a row", () => {
  const pages = [page(null, ["a", "b"], "b"), page("b", ["c"], null)];
  expect([pageOfRow(pages, 0), pageOfRow(pages, 1), pageOfRow(pages, 2), pageOfRow(pages, 9), pageOfRow([], 0)]).toEqual([0, 0, 1, 1, 0]);
});

test("the next page is asked for in time, and not before", () => {
  const pages = [page(null, Array.from({ length: 200 }, String), "199")];
  expect([pageToLoad(pages, 20), pageToLoad(pages, 140), pageToLoad(pages, 141), pageToLoad([], 0)]).toEqual([null, null, "199", null]);
  expect(pageToLoad([page(null, ["a"], null)], 1)).toBeNull();
});
