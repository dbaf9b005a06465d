// @vitest-environment happy-dom
import { expect, test } from "vitest";
import type { Part } from "../src/protocol/message.ts";
import { makePartView, partKind } from "../src/view/part-view.ts";

const PAY: Part = { type: "tool-pay_bill", toolCallId: "c-1", state: "approval-requested", input: { euros: 5 } };

test("a tool that needs permission shows what it would do, and asks once", () => {
  const asked: unknown[] = [];
  const view = makePartView("tool", (...answer) => asked.push(answer));
  view.update(PAY, false);
  expect(view.element.textContent).toContain("pay bill");
  expect(view.element.textContent).toContain('"euros": 5');
  const [allow, deny] = view.element.querySelectorAll("button");
  allow!.click();
  deny!.click();
  expect(asked).toEqual([
    ["c-1", true],
    ["c-1", false],
  ]);
  view.update({ ...PAY, state: "approval-responded" }, false);
  expect(view.element.querySelector("button")).toBeNull();
});

test("a tool that was cut off does not look as if it went on", () => {
  const view = makePartView("tool", () => {});
  view.update({ ...PAY, state: "input-available" }, true);
  expect(view.element.textContent).toContain("running");
  view.update({ ...PAY, state: "input-available" }, false);
  expect(view.element.textContent).toContain("not finished");
});

test("a file is a link, and never one that runs", () => {
  const view = makePartView("link", () => {});
  const link = view.element.querySelector("a")!;
  view.update({ type: "file", url: "https://example.com/list.csv", filename: "list.csv" }, false);
  expect([link.href, link.textContent, link.rel]).toEqual(["https://example.com/list.csv", "list.csv", "noopener noreferrer"]);
  view.update({ type: "file", url: "data:text/html,<script>1</script>" }, false);
  expect(link.download).toBe("file");
  view.update({ type: "source-url", url: "javascript:alert(1)", title: "x" }, false);
  expect(link.hasAttribute("href")).toBe(false);
});

test.each([
  [{ type: "text", text: "" }, null],
  [{ type: "step-start" }, null],
  [{ type: "data-row" }, null],
  [{ type: "dynamic-tool" }, "tool"],
  [{ type: "reasoning", text: " " }, null],
])("%o is shown as %s", (part, kind) => {
  expect(partKind(part)).toBe(kind);
});
