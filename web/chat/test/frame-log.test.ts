import { expect, test } from "vitest";
import { describeFrame, FRAME_LIMIT, FrameLog, TEXT_LIMIT } from "../src/debug/frame-log.ts";

function openLog() {
  const pending: (() => void)[] = [];
  const log = new FrameLog((run) => pending.push(run));
  return { log, draw: () => pending.splice(0).forEach((run) => run()), pending };
}

test("a burst of frames is one update", () => {
  const { log, draw, pending } = openLog();
  let updates = 0;
  log.subscribe(() => (updates += 1));
  for (let index = 0; index < 50; index += 1) log.record("in", "{}", index);
  expect(pending).toHaveLength(1);
  draw();
  expect(updates).toBe(1);
  expect(log.frames()).toHaveLength(50);
});

test("only the newest frames are kept", () => {
  const { log, draw } = openLog();
  for (let index = 0; index < FRAME_LIMIT + 3; index += 1) log.record("out", "{}", index);
  draw();
  expect(log.frames()).toHaveLength(FRAME_LIMIT);
  expect(log.frames().at(0)?.number).toBe(4);
});

test("while paused frames are recorded and not shown", () => {
  const { log, draw } = openLog();
  log.record("in", "{}", 1);
  draw();
  log.setPaused(true);
  log.record("in", "{}", 2);
  draw();
  expect(log.frames()).toHaveLength(1);
  log.setPaused(false);
  expect(log.frames()).toHaveLength(2);
});

test("the size counts bytes, and long frames are cut", () => {
  const { log, draw } = openLog();
  log.record("in", "é".repeat(TEXT_LIMIT + 5), 1);
  log.record("in", new ArrayBuffer(7), 1);
  draw();
  expect(log.frames().map(({ size }) => size)).toEqual([2 * (TEXT_LIMIT + 5), 7]);
  expect(log.frames()[0]?.text).toHaveLength(TEXT_LIMIT + 1);
});

test.each([
  [{ type: "cf_agent_identity", name: "s1", agent: "chat" }, "identity", "s1"],
  [{ type: "cf_agent_use_chat_response", id: "r", body: '{"type":"text-delta"}', done: false }, "use_chat_response", "text-delta"],
  [{ type: "cf_agent_use_chat_response", id: "r", body: "", done: true, outcome: "aborted" }, "use_chat_response", "done, aborted"],
  [{ type: "cf_agent_use_chat_response", id: "r", body: "Too busy", done: true, error: true }, "use_chat_response", "error: Too busy"],
  [{ type: "cf_agent_use_chat_request", id: "r", init: { body: '{"trigger":"submit-message"}' } }, "use_chat_request", "submit-message"],
  [{ type: "cf_agent_chat_messages", messages: [1, 2] }, "chat_messages", "2 messages"],
  [{ type: "cf_agent_stream_resume_none", reason: "idle" }, "stream_resume_none", "idle"],
])("%j is described", (frame, type, detail) => {
  expect(describeFrame(JSON.stringify(frame))).toEqual({ type, detail });
});

test("what is not an object is only text", () => {
  expect(describeFrame("hello")).toEqual({ type: "text", detail: "" });
  expect(describeFrame("")).toEqual({ type: "binary", detail: "" });
});
