import type { UIMessage } from "ai";
import { expect, test } from "vitest";
import { describeActivity, type TurnSigns } from "../src/conversation/activity.ts";
import { isVisible, messageText, partsWithText } from "../src/conversation/message-text.ts";
import {
  agentUrl,
  namesImpossibleSession,
  ownSessionUrl,
  sharedSessionUrl,
  wantedAgent,
  wantsSharedSession,
} from "../src/session/address.ts";
import { parseInfo } from "../src/session/info.ts";

const quiet: TurnSigns = { status: "ready", isStreaming: false, isRecovering: false, isToolContinuation: false };

test.each([
  ["connected", {}, "ready", false],
  ["connected", { status: "submitted" }, "thinking", true],
  ["connected", { status: "streaming", isStreaming: true }, "answering", true],
  ["connected", { isStreaming: true }, "answering", true],
  ["connected", { isToolContinuation: true }, "thinking", true],
  ["connected", { isRecovering: true }, "recovering", true],
  ["connected", { status: "error" }, "error", false],
  ["reconnecting", { status: "error" }, "reconnecting", false],
  ["offline", { status: "submitted" }, "offline", true],
  ["connecting", {}, "connecting", false],
  ["closed", { status: "streaming" }, "closed", false],
] as const)("%s with %j is %s", (connection, signs, state, busy) => {
  expect(describeActivity(connection, { ...quiet, ...signs })).toMatchObject({ state, busy });
});

test("addresses name the agent and the session", () => {
  const here = "http://chat.example/?agent=helper&session=s-1#x";
  expect(wantedAgent(here)).toBe("helper");
  expect(wantsSharedSession(here)).toBe(true);
  expect(wantsSharedSession("http://chat.example/?session=a%2Fb")).toBe(false);
  expect(ownSessionUrl(here)).toBe("http://chat.example/?agent=helper");
  expect(agentUrl("other", here)).toBe("http://chat.example/?agent=other");
  expect(sharedSessionUrl("helper", "a@b", here)).toBe("http://chat.example/?agent=helper&session=a%40b");
});

test("an address may name no session, a possible one or an impossible one", () => {
  const impossible = ["/", "/?session=", "/?session=s-1", "/?session=a%2Fb", `/?session=${"a".repeat(200)}`];
  expect(impossible.map((path) => namesImpossibleSession(`http://chat.example${path}`))).toEqual([
    false,
    false,
    false,
    true,
    true,
  ]);
});

test("what the server tells about itself is checked", () => {
  const agents = [{ name: "chat", title: "Chat", model: "demo", demo: true }];
  expect(parseInfo({ version: "0.1.0", agents, data_directory: "/x" })).toEqual({ version: "0.1.0", agents });
  expect(parseInfo({ agents: [{ name: "chat" }] }).agents[0]).toEqual({ name: "chat", title: "chat", model: "", demo: false });
  expect(() => parseInfo({})).toThrow("agents");
  expect(() => parseInfo({ agents: [{ title: "x" }] })).toThrow("agents[0]");
  expect(() => parseInfo(null)).toThrow("object");
});

const message: UIMessage = {
  id: "m",
  role: "user",
  parts: [
    { type: "text", text: "one" },
    { type: "file", mediaType: "image/png", url: "data:image/png;base64,AAAA" },
    { type: "text", text: "two" },
  ],
};

test("the words of a message can be read and replaced, and its files stay", () => {
  expect(messageText(message)).toBe("one\n\ntwo");
  expect(partsWithText(message, "new")).toEqual([{ type: "text", text: "new" }, message.parts[1]]);
});

test("a message without anything to show is not visible yet", () => {
  expect(isVisible({ ...message, parts: [{ type: "step-start" }, { type: "text", text: " " }] })).toBe(false);
  expect(isVisible(message)).toBe(true);
});
