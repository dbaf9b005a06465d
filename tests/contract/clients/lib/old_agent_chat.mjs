// Scenarios of `useAgent` with `useAgentChat` as agents 0.0.106 had them: AI SDK 4, data stream lines.
import { mount } from "./hook.mjs";
import { freshSession, poll, transcript } from "./report.mjs";

export function oldAgentScenarios({ React, createRoot, useAgent, useAgentChat, useChat, net }) {
  function open(base, session) {
    return mount({ React, createRoot, net }, () => {
      const connection = useAgent({ agent: "chat", name: session, host: new URL(base).host });
      return useAgentChat({ agent: connection });
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

  return {
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
