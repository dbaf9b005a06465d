import { expect, test } from "vitest";
import { TurnWatch } from "../src/conversation/turn-watch.ts";

const frame = (id: string, rest: object = { body: "{}", done: false }) =>
  JSON.stringify({ type: "cf_agent_use_chat_response", id, ...rest });

test("what streams can be cancelled, what has ended cannot", () => {
  const watch = new TurnWatch();
  for (const data of [frame("a"), frame("b"), frame("b"), frame("c"), "not json", '{"type":"x"}', new ArrayBuffer(1)]) {
    watch.see(data);
  }
  watch.see(frame("a", { body: "", done: true }));
  watch.see(frame("c", { body: "Too busy", done: false, error: true }));
  expect(watch.cancelFrames().map((text) => JSON.parse(text))).toEqual([
    { type: "cf_agent_chat_request_cancel", id: "b" },
  ]);
  watch.forget();
  expect(watch.cancelFrames()).toEqual([]);
});
