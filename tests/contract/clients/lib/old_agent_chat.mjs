// Scenarios of `useAgent` with `useAgentChat` as agents 0.0.106 had them: AI SDK 4, data stream lines.
import { drawAlike } from "./chance.mjs";
import { mount } from "./hook.mjs";
import { freshSession, poll, transcript } from "./report.mjs";

export function oldAgentScenarios({ React, createRoot, useAgent, useAgentChat, useChat, net }) {
  function open(base, session, options = {}) {
    return mount({ React, createRoot, net }, () => {
      const connection = useAgent({ agent: "chat", name: session, host: new URL(base).host });
      return { ...useAgentChat({ agent: connection, ...options }), connection };
    });
  }

  // This generation shows `content`, and `parts` where an app wants more.
  const texts = (view) =>
    view.messages.map((m) => ({
      id: m.id,
      role: m.role,
      content: m.content,
      parts: (m.parts ?? []).filter((p) => p.type === "text").map((p) => p.text).join(""),
    }));
  const answered = (n) => (v) =>
    v.status === "ready" && v.messages.filter((m) => m.role === "assistant").length >= n;
  const connected = (n) => () => net.inbound("cf_agent_identity").length >= n;

  async function say(hook, text, nth = 1) {
    await hook.until(connected(1), "the identity frame");
    hook.current.append({ role: "user", content: text });
    return hook.until(answered(nth), `the answer to ${JSON.stringify(text)}`);
  }

  // What the page shows of an answer with tools, and how often it has sent the conversation.
  const shown = (view) =>
    view.messages.map((m) => ({
      id: m.id,
      role: m.role,
      content: m.content,
      calls: (m.toolInvocations ?? []).map((call) => [call.toolName, call.state, call.result]),
    }));
  const requests = () => net.outbound("cf_agent_use_chat_request").length;
  const says = (text) => (v) => v.status === "ready" && v.messages.at(-1)?.content.endsWith(text);
  const told = { getTime: "12:00", getZone: "UTC" };

  async function withTools(base, question, answer, options, act = async () => {}) {
    const session = freshSession("old-tools");
    const hook = open(base, session, options);
    await hook.until(connected(1), "the identity frame");
    hook.current.append({ role: "user", content: question });
    await act(hook);
    await hook.until(says(answer), `the answer to ${JSON.stringify(question)}`);
    // What was sent behind the end, and what the client then asked for, is there before the answer to a call.
    await hook.current.connection.call("unknown").catch(() => {});
    await hook.until(says(answer), "the page as it stays");
    const page = shown(hook.current);
    const sent = requests();
    hook.unmount();
    const reloaded = open(base, session, options);
    await reloaded.until((v) => v.messages.length > 0, "the loaded history");
    return { page, sent, reloaded: shown(reloaded.current), stored: shown({ messages: await transcript(base, session) }) };
  }

  return {
    "client-tool": (base) =>
      withTools(base, "the time", "12:00.", { maxSteps: 5, onToolCall: ({ toolCall }) => told[toolCall.toolName] }),

    "client-tools-in-turn": (base) =>
      withTools(base, "the time and the zone", "12:00 UTC.", {
        maxSteps: 5,
        onToolCall: async ({ toolCall }) => told[toolCall.toolName],
      }),

    "client-tools-in-steps": (base) =>
      withTools(base, "the time and the zone in steps", "12:00 UTC.", {
        maxSteps: 5,
        onToolCall: ({ toolCall }) => told[toolCall.toolName],
      }),

    "client-tools-slowly": (base) =>
      withTools(base, "the time and the zone, slowly", "12:00 UTC.", {
        maxSteps: 5,
        onToolCall: ({ toolCall }) => told[toolCall.toolName],
      }),

    confirmed: (base) =>
      withTools(base, "the time", "Yes, confirmed..", {}, async (hook) => {
        const asked = (v) => v.status === "ready" && v.messages.at(-1)?.toolInvocations?.[0]?.state === "call";
        const view = await hook.until(asked, "the call");
        const { toolCallId } = view.messages.at(-1).toolInvocations[0];
        hook.current.addToolResult({ toolCallId, result: "Yes, confirmed." });
      }),

    async "client-tool-http"(base) {
      const session = freshSession("old-http-tool");
      let sent = 0;
      const hook = mount({ React, createRoot, net }, () =>
        useChat({
          api: `${base}/agents/chat/${session}`,
          maxSteps: 5,
          onToolCall: ({ toolCall }) => told[toolCall.toolName],
          onResponse: () => void (sent += 1),
        }));
      await hook.until(() => true, "the first render");
      hook.current.append({ role: "user", content: "the time and the zone" });
      await hook.until(says("12:00 UTC."), "the answer over HTTP");
      return { page: shown(hook.current), sent, stored: shown({ messages: await transcript(base, session) }) };
    },

    async text(base) {
      const session = freshSession("old");
      const hook = open(base, session);
      await say(hook, "my name is Ada");
      const view = await say(hook, "what is my name?", 2);
      const bodies = net.inbound("cf_agent_use_chat_response").map((f) => f.body);
      return {
        messages: texts(view),
        codes: [...new Set(bodies.join("").split("\n").filter(Boolean).map((line) => line[0]))].sort(),
        stored: await transcript(base, session),
        transcriptsToOwner: net.inbound("cf_agent_chat_messages").length,
      };
    },

    async tool(base) {
      const session = freshSession("old-tool");
      const hook = open(base, session);
      const view = await say(hook, "weather in Oslo");
      const answer = view.messages.at(-1);
      const first = { content: answer.content, parts: answer.parts.map((p) => p.type), calls: answer.toolInvocations };
      const next = await say(hook, "think about cuttlefish", 2);
      return { first, reasoning: next.messages.at(-1).reasoning, content: next.messages.at(-1).content };
    },

    // An application that has changed nothing: the address that all its users share.
    async bridge(base) {
      drawAlike();
      const sessions = new Set();
      const tab = () =>
        mount({ React, createRoot, net }, () =>
          useChat({ api: `${base}/api/chat`, onResponse: (r) => sessions.add(r.headers.get("x-session-id")) }));
      async function ask(hook, content, nth) {
        await hook.until(() => true, "the first render");
        hook.current.append({ role: "user", content });
        return hook.until(answered(nth), `the answer to ${content}`);
      }
      const [one, two] = [tab(), tab()];
      await ask(one, "my name is Ada", 1);
      await ask(two, "my name is Grace", 1);
      const ada = texts(await ask(one, "what is my name?", 2));
      const grace = texts(await ask(two, "what is my name?", 2));
      const stored = await Promise.all([...sessions].map((id) => transcript(base, id)));
      return { ada, grace, sessions: [...sessions], stored };
    },

    async http(base) {
      const session = freshSession("old-http");
      const seen = [];
      const hook = mount({ React, createRoot, net }, () =>
        useChat({
          api: `${base}/agents/chat/${session}`,
          onResponse: (r) => seen.push({ status: r.status, headers: Object.fromEntries(r.headers) }),
        }));
      await hook.until(() => true, "the first render");
      hook.current.append({ role: "user", content: "my name is Ada" });
      await hook.until((v) => answered(1)(v) || v.status === "error", "the first answer over HTTP");
      if (hook.current.error) throw hook.current.error;
      hook.current.append({ role: "user", content: "what is my name?" });
      const view = await hook.until(answered(2), "the second answer over HTTP");
      return { messages: texts(view), responses: seen, stored: await transcript(base, session) };
    },

    async clear(base) {
      const session = freshSession("old-clear");
      const hook = open(base, session);
      await say(hook, "my name is Zelda");
      hook.current.clearHistory();
      await hook.until((v) => v.messages.length === 0, "the empty list");
      const stored = await poll(async () => {
        const list = await transcript(base, session);
        return list.length === 0 && { list };
      }, "the empty transcript");
      const view = await say(hook, "what is my name?", 1);
      return { stored: stored.list, messages: texts(view) };
    },

    async history(base) {
      const session = freshSession("old-history");
      const first = open(base, session);
      const before = texts(await say(first, "my name is Ada"));
      first.unmount();
      const second = open(base, session);
      await second.until((v) => v.messages.length === 2, "the loaded history");
      const loaded = texts(second.current);
      await second.until(connected(2), "the identity frame of the second hook");
      const view = await say(second, "what is my name?", 2);
      return { before, loaded, messages: texts(view), stored: await transcript(base, session) };
    },

    async "other-tab"(base) {
      const session = freshSession("old-tabs");
      const owner = open(base, session);
      const other = open(base, session);
      await other.until(connected(2), "both identity frames");
      await say(owner, "my name is Ada", 1);
      await other.until((v) => v.messages.length === 2, "the first turn in the other tab");
      // A tab shows its dialect by a request of its own; the transcripts it gets from then on are in its shape.
      await say(other, "hello", 2);
      await owner.until((v) => v.messages.length === 4, "the turn of the other tab");
      await say(owner, "what is my name?", 3);
      const view = await other.until((v) => v.messages.length === 6 && v.messages[5].content, "the last answer");
      return { owner: texts(owner.current), other: texts(view) };
    },

    async error(base) {
      const hook = open(base, freshSession("old-error"));
      await hook.until(connected(1), "the identity frame");
      hook.current.append({ role: "user", content: "fail" });
      const failed = await hook.until((v) => v.status === "error", "status error");
      const message = failed.error?.message ?? null;
      hook.current.append({ role: "user", content: "hello" });
      const view = await hook.until(
        (v) => v.status === "ready" && v.messages.at(-1)?.role === "assistant" && v.messages.at(-1).content,
        "the answer to the next request",
      );
      return { message, messages: texts(view) };
    },
  };
}
