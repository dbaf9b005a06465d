import { describe, expect, test } from "vitest";
import { type Chunk, Fold } from "../src/protocol/fold.ts";
import { textOf, toolTitle } from "../src/protocol/message.ts";

function folded(...chunks: Chunk[]) {
  const fold = new Fold({ id: "a", role: "assistant", parts: [] });
  for (const chunk of chunks) fold.apply(chunk);
  return fold.message;
}

test("text parts are told apart by their ids", () => {
  const message = folded(
    { type: "text-start", id: "1" },
    { type: "text-start", id: "2" },
    { type: "text-delta", id: "1", delta: "He" },
    { type: "text-delta", id: "2", delta: "Wor" },
    { type: "text-delta", id: "1", delta: "llo" },
    { type: "text-delta", id: "2", delta: "ld" },
    { type: "text-end", id: "1" },
  );
  expect(message.parts).toEqual([
    { type: "text", text: "Hello", state: "done" },
    { type: "text", text: "World", state: "streaming" },
  ]);
  expect(textOf(message)).toBe("Hello\n\nWorld");
});

test("deltas without a start or an id are text all the same", () => {
  expect(textOf(folded({ type: "text-delta", delta: "a" }, { type: "text-delta", delta: "b" }))).toBe("ab");
});

test("a continuation goes on in the text that is still open, and not in one that is done", () => {
  const open = new Fold({ id: "a", role: "assistant", parts: [{ type: "text", text: "one ", state: "streaming" }] });
  open.apply({ type: "text-delta", id: "9", delta: "two" });
  expect(open.message.parts).toHaveLength(1);
  const done = new Fold({ id: "a", role: "assistant", parts: [{ type: "text", text: "one ", state: "done" }] });
  done.apply({ type: "text-delta", id: "9", delta: "two" });
  expect(done.message.parts).toHaveLength(2);
});

describe("a tool", () => {
  const CALL: Chunk[] = [
    { type: "tool-input-start", toolCallId: "c", toolName: "get_weather" },
    { type: "tool-input-delta", toolCallId: "c", inputTextDelta: '{"city":' },
    { type: "tool-input-delta", toolCallId: "c", inputTextDelta: '"Oslo"}' },
  ];

  test("goes from its input to its output", () => {
    const message = folded(
      ...CALL,
      { type: "tool-input-available", toolCallId: "c", toolName: "get_weather", input: { city: "Oslo" } },
      { type: "tool-output-available", toolCallId: "c", output: 4 },
    );
    expect(message.parts).toMatchObject([
      { type: "tool-get_weather", toolCallId: "c", state: "output-available", input: { city: "Oslo" }, output: 4 },
    ]);
    expect(toolTitle(message.parts[0]!)).toBe("get weather");
  });

  test("asks for permission with what it has been given so far", () => {
    const { parts } = folded(...CALL, { type: "tool-approval-request", toolCallId: "c", approvalId: "p" });
    expect(parts).toMatchObject([{ state: "approval-requested", input: { city: "Oslo" }, approval: { id: "p" } }]);
  });

  test("an answer to the request finds the call by the approval", () => {
    const { parts } = folded(
      ...CALL,
      { type: "tool-approval-request", toolCallId: "c", approvalId: "p" },
      { type: "tool-approval-response", approvalId: "p", approved: true },
    );
    expect(parts).toMatchObject([{ state: "approval-responded", approval: { id: "p", approved: true } }]);
  });

  test("that is settled is not opened again by a provider that repeats itself", () => {
    const { parts } = folded(
      ...CALL,
      { type: "tool-output-error", toolCallId: "c", errorText: "no" },
      { type: "tool-input-available", toolCallId: "c", toolName: "get_weather", input: {} },
      { type: "tool-approval-request", toolCallId: "c", approvalId: "p" },
      { type: "tool-output-denied", toolCallId: "c" },
    );
    expect(parts).toMatchObject([{ state: "output-error", errorText: "no" }]);
  });

  test("whose call is unknown changes nothing", () => {
    expect(folded({ type: "tool-output-available", toolCallId: "x", output: 1 }).parts).toEqual([]);
  });

  test("that is dynamic is stored as such", () => {
    const { parts } = folded({ type: "tool-input-start", toolCallId: "c", toolName: "any", dynamic: true });
    expect(parts).toMatchObject([{ type: "dynamic-tool", toolName: "any" }]);
  });
});

test("data with an id is replaced, and transient data is not kept", () => {
  const { parts } = folded(
    { type: "data-row", id: "1", data: 1 },
    { type: "data-row", id: "1", data: 2 },
    { type: "data-row", id: "2", data: 3, transient: true },
  );
  expect(parts).toEqual([{ type: "data-row", id: "1", data: 2 }]);
});

test("a step that is reset is forgotten", () => {
  const message = folded(
    { type: "text-delta", id: "1", delta: "kept" },
    { type: "finish-step" },
    { type: "start-step" },
    { type: "text-delta", id: "1", delta: "lost" },
    { type: "reset-step" },
    { type: "text-delta", id: "1", delta: "new" },
  );
  expect(textOf(message)).toBe("kept\n\nnew");
});

test("chunks of kinds to come are passed over", () => {
  expect(folded({ type: "text-glow", id: "1" }, { type: "hologram" }).parts).toEqual([]);
});
