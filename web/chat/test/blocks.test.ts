import { expect, test } from "vitest";
import { splitBlocks } from "../src/markdown/blocks.ts";

test("paragraphs are blocks", () => {
  expect(splitBlocks("one\n\ntwo\nstill two\n\nthree")).toEqual(["one\n\n", "two\nstill two\n\n", "three"]);
});

test("a code fence is not cut, not even by a shorter or a different fence inside", () => {
  const code = "````md\na\n\n```\nb\n\n~~~~\n\nc\n````\n\n";
  expect(splitBlocks(`${code}after`)).toEqual([code, "after"]);
});

test("a fence that is still open runs to the end", () => {
  expect(splitBlocks("a\n\n```js\nlet x\n\nlet y")).toEqual(["a\n\n", "```js\nlet x\n\nlet y"]);
});

test.each(["- a\n\n- b", "1. a\n\n2. b", "- a\n\n  more of a", "> a\n\n> b", "a\n\n    code"])("%j stays whole", (text) => {
  expect(splitBlocks(text)).toEqual([text]);
});

test.each(["see [a]\n\n[a]: https://example.com", "word[^1]\n\n[^1]: note"])("%j reaches across and stays whole", (text) => {
  expect(splitBlocks(text)).toEqual([text]);
});

test("the blocks joined are the text, at every length of a growing answer", () => {
  const text = "# A\n\n- b\n\n- c\n\n```\nd\n\ne\n```\n\nf\n\n\n\n| g |\n|---|\n| h |\n";
  for (let length = 0; length <= text.length; length += 1) {
    expect(splitBlocks(text.slice(0, length)).join("")).toBe(text.slice(0, length));
  }
});
