import { beforeEach, describe, expect, test } from "vitest";
import { Conversation } from "../src/protocol/conversation.ts";
import type { ClientFrame, ServerFrame } from "../src/protocol/frames.ts";
import type { LinkState } from "../src/protocol/link.ts";
import { type Message, textOf } from "../src/protocol/message.ts";

let sent: ClientFrame[];
let stored: Message[] | null;
let events: string[];
let line: { state: LinkState; send(frame: ClientFrame): boolean };
let chat: Conversation;

beforeEach(() => {
  sent = [];
  stored = [];
  events = [];
  let ids = 0;
  line = {
    state: "closed",
    send: (frame) => {
      if (line.state === "open") sent.push(frame);
      return line.state === "open";
    },
  };
  chat = new Conversation(
    line,
    {
      changed: () => {},
      answered: (message, outcome) => events.push(`${outcome}: ${textOf(message)}`),
      failed: (text) => events.push(`failed: ${text}`),
      action: (action, data) => events.push(`${action} ${JSON.stringify(data)}`),
    },
    { history: async () => structuredClone(stored), id: () => `id-${++ids}` },
  );
});

async function connect(): Promise<void> {
  line.state = "open";
  await chat.connected();
}

function disconnect(): void {
  line.state = "waiting";
  chat.disconnected();
}

const types = (): string[] => sent.map(({ type }) => type.replace("cf_agent_", ""));
const says = (): string[] => chat.messages.map((message) => `${message.role}: ${textOf(message)}`);
const user = (id: string, text: string): Message => ({ id, role: "user", parts: [{ type: "text", text }] });
const answer = (id: string, text: string): Message => ({
  id,
  role: "assistant",
  parts: [{ type: "text", text, state: "done" }],
});

function requestId(): string {
  const frame = sent.findLast(({ type }) => type === "cf_agent_use_chat_request");
  return (frame as { id: string }).id;
}

function chunk(id: string, seq: number, body: object, more: object = {}): void {
  const type = "cf_agent_use_chat_response";
  chat.receive({ type, id, seq, body: JSON.stringify(body), done: false, ...more } as ServerFrame);
}

function end(id: string, more: object = { outcome: "completed" }): void {
  chat.receive({ type: "cf_agent_use_chat_response", id, body: "", done: true, ...more } as ServerFrame);
}

const START = { type: "start", messageId: "a-1" };
const delta = (text: string) => ({ type: "text-delta", id: "t", delta: text });

test("a turn: the whole transcript is sent, the answer grows, the end is told", async () => {
  stored = [user("u-0", "before"), answer("a-0", "yes")];
  await connect();
  chat.submit("hello");
  expect(types()).toEqual(["stream_resume_request", "use_chat_request"]);
  const body = JSON.parse((sent[1] as { init: { body: string } }).init.body);
  expect(body.trigger).toBe("submit-message");
  expect(body.messages.map(({ role }: Message) => role)).toEqual(["user", "assistant", "user"]);

  const id = requestId();
  expect([chat.busy, chat.streaming]).toEqual([true, false]);
  chunk(id, 0, START);
  chunk(id, 1, delta("Hi "));
  chunk(id, 2, delta("there"));
  expect(chat.streaming).toBe(true);
  expect(says().at(-1)).toBe("assistant: Hi there");
  expect(chat.messages.at(-1)!.id).toBe("a-1");
  end(id);
  expect(chat.busy).toBe(false);
  expect(events).toEqual(["completed: Hi there"]);
});

test("frames that come before the transcript has been read wait for it", async () => {
  stored = [user("u-1", "hi"), answer("a-0", "old")];
  line.state = "open";
  const reading = chat.connected();
  chat.receive({ type: "cf_agent_chat_clear" });
  expect(sent).toEqual([]);
  await reading;
  expect(chat.messages).toEqual([]);
});

describe("a message written without a connection", () => {
  test("is shown, kept over the reading of the transcript, and sent once", async () => {
    stored = [user("u-0", "before")];
    chat.submit("hello");
    expect(says()).toEqual(["user: hello"]);
    await connect();
    expect(says()).toEqual(["user: before", "user: hello"]);
    expect(types()).toEqual(["use_chat_request", "stream_resume_request"]);
    chat.receive({ type: "cf_agent_stream_resume_none", reason: "idle" });
    expect(types()).toHaveLength(2);
  });
});

describe("a connection lost after sending", () => {
  beforeEach(async () => {
    await connect();
    chat.submit("hello");
  });

  test("sends again what the server does not have, under the same ids", async () => {
    const [id, message] = [requestId(), chat.messages[0]!.id];
    disconnect();
    sent = [];
    await connect();
    expect(types()).toEqual(["stream_resume_request"]);
    chat.receive({ type: "cf_agent_stream_resume_none", reason: "idle" });
    expect(requestId()).toBe(id);
    expect(chat.messages.map((each) => each.id)).toEqual([message]);
  });

  test("does not send again what the server has; the missed answer is read", async () => {
    const message = chat.messages[0]!;
    disconnect();
    stored = [message];
    await connect();
    sent = [];
    stored = [message, answer("a-1", "Hi")];
    chat.receive({ type: "cf_agent_stream_resume_none", reason: "idle" });
    await Promise.resolve();
    await Promise.resolve();
    expect(sent).toEqual([]);
    expect(says()).toEqual(["user: hello", "assistant: Hi"]);
    expect(chat.busy).toBe(false);
  });

  test("waits for another's turn to end before it decides", async () => {
    disconnect();
    await connect();
    sent = [];
    chat.receive({ type: "cf_agent_stream_resuming", id: "other" });
    end("other", { replay: true });
    expect(types()).toEqual(["stream_resume_ack", "stream_resume_request"]);
    chat.receive({ type: "cf_agent_stream_resume_none", reason: "idle" });
    expect(types().at(-1)).toBe("use_chat_request");
  });

  test("builds a running answer anew from the replay, every word once", async () => {
    const [id, message] = [requestId(), chat.messages[0]!];
    chunk(id, 0, START);
    chunk(id, 1, delta("one "));
    disconnect();
    stored = [message];
    await connect();
    chat.receive({ type: "cf_agent_stream_resuming", id });
    chat.receive({ type: "cf_agent_stream_resuming", id, probeId: "p" });
    expect(types().filter((type) => type === "stream_resume_ack")).toHaveLength(1);
    chunk(id, 0, START, { replay: true });
    chunk(id, 1, delta("one "), { replay: true });
    chunk(id, 2, delta("two "), { replay: true });
    chunk(id, 3, delta("three"));
    end(id);
    expect(says()).toEqual(["user: hello", "assistant: one two three"]);
    expect(events).toEqual(["completed: one two three"]);
  });
});

test("a replay that nobody has asked for is passed over", async () => {
  await connect();
  chunk("other", 0, START, { replay: true });
  expect(chat.messages).toEqual([]);
});

test("a continuation extends the last answer; what is replayed twice counts once", async () => {
  stored = [user("u-1", "hi"), answer("a-1", "one ")];
  await connect();
  chunk("c", 0, { type: "start" }, { continuation: true });
  chunk("c", 1, { type: "text-delta", id: "n", delta: "two" }, { continuation: true });
  chunk("c", 1, { type: "text-delta", id: "n", delta: "two" }, { continuation: true, replay: true });
  end("c", { continuation: true, outcome: "completed" });
  expect(chat.messages).toHaveLength(2);
  expect(textOf(chat.messages[1]!)).toBe("one \n\ntwo");
});

test("a continuation that is sent as a rebuild replaces the answer it extends", async () => {
  stored = [user("u-1", "hi"), answer("a-1", "one")];
  await connect();
  chat.receive({ type: "cf_agent_stream_resuming", id: "c" });
  chunk("c", 0, START, { replay: true });
  chunk("c", 1, delta("one"), { replay: true });
  chunk("c", 2, delta(" two"));
  end("c");
  expect(says()).toEqual(["user: hi", "assistant: one two"]);
});

test("a failure is told once, kept until the next request, and can be tried again", async () => {
  stored = [user("u-1", "hi")];
  await connect();
  chat.submit("fail");
  const id = requestId();
  chunk(id, 0, START);
  chunk(id, 1, delta("half"));
  chat.receive({ type: "cf_agent_use_chat_response", id, body: "It broke.", error: true, done: false });
  end(id, { outcome: "error" });
  expect(events).toEqual(["failed: It broke."]);
  expect(chat.failure).toBe("It broke.");
  chat.retry();
  expect(chat.failure).toBeNull();
  const body = JSON.parse((sent.at(-1) as { init: { body: string } }).init.body);
  expect(body.trigger).toBe("regenerate-message");
  expect(body.messages.map(({ role }: Message) => role)).toEqual(["user", "user"]);
});

test("stop names every running request, also one that waits", async () => {
  await connect();
  chat.submit("hello");
  chat.receive({ type: "cf_agent_stream_pending", id: "queued" });
  sent = [];
  chat.stop();
  expect(sent).toEqual([
    { type: "cf_agent_chat_request_cancel", id: expect.any(String) },
    { type: "cf_agent_chat_request_cancel", id: "queued" },
  ]);
});

test("a message that the server drops disappears, with a word why", async () => {
  await connect();
  chat.submit("too early");
  const id = requestId();
  chat.receive({ type: "cf_agent_chat_messages", messages: [user("u-0", "other")] });
  expect(says()).toEqual(["user: other", "user: too early"]);
  end(id, { outcome: "skipped" });
  expect(says()).toEqual(["user: other"]);
  expect(chat.failure).toMatch(/not taken/);
});

test("permission is sent, and the answer goes on by the handshake", async () => {
  stored = [
    { id: "a-1", role: "assistant", parts: [{ type: "tool-pay", toolCallId: "c-1", state: "approval-requested", approval: { id: "p" } }] },
  ];
  await connect();
  sent = [];
  chat.approve("c-1", false);
  expect(sent[0]).toEqual({ type: "cf_agent_tool_approval", toolCallId: "c-1", approved: false, autoContinue: true });
  expect(types()[1]).toBe("stream_resume_request");
  expect(chat.messages[0]!.parts[0]).toMatchObject({ state: "approval-responded", approval: { id: "p", approved: false } });
  chat.receive({ type: "cf_agent_stream_pending", id: "r-2" });
  expect(chat.busy).toBe(true);
  chat.receive({ type: "cf_agent_stream_resume_none" });
  expect(chat.busy).toBe(false);
});

test("an update in mid-answer changes the part, and the answer goes on behind it", async () => {
  await connect();
  chunk("r", 0, START);
  chunk("r", 1, { type: "tool-input-available", toolCallId: "c-1", toolName: "look", input: {} });
  const parts = [{ type: "tool-look", toolCallId: "c-1", state: "output-available", output: 1 }];
  chat.receive({ type: "cf_agent_message_updated", message: { id: "elsewhere", role: "assistant", parts } });
  chunk("r", 2, delta("seen"));
  expect(chat.messages).toHaveLength(1);
  expect(chat.messages[0]).toMatchObject({ id: "a-1", parts: [{ state: "output-available" }, { text: "seen" }] });
});

test("a transcript in mid-answer does not take words away", async () => {
  await connect();
  chunk("r", 0, START);
  chunk("r", 1, delta("one two"));
  chat.receive({ type: "cf_agent_chat_messages", messages: [user("u-1", "hi"), answer("a-1", "one ")] });
  chunk("r", 2, delta(" three"));
  expect(says()).toEqual(["user: hi", "assistant: one two three"]);
});

test("damaged messages are passed over", async () => {
  stored = [null, { id: 1 }, { id: "a", role: "ghost", parts: [] }, user("u-1", "hi")] as unknown as Message[];
  await connect();
  expect(says()).toEqual(["user: hi"]);
});

test("actions are passed on as they come", async () => {
  await connect();
  chat.receive({ type: "action", action: "NAVIGATE", data: { path: "/x" } });
  expect(events).toEqual(['NAVIGATE {"path":"/x"}']);
});

test("recovery shows as work until the terminal frame", async () => {
  await connect();
  chat.receive({ type: "cf_agent_chat_recovering", recovering: true });
  expect(chat.busy).toBe(true);
  end("r");
  expect(chat.busy).toBe(false);
});
