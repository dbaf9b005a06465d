// Scenarios of the AI SDK's own `useChat` with `DefaultChatTransport` against the address of a session.
import { drawAlike } from "./chance.mjs";
import { mount } from "./hook.mjs";
import { brief, emit, freshSession, transcript } from "./report.mjs";

const LONG = 60;

export function httpScenarios({ React, createRoot, useChat, DefaultChatTransport, complete: settled }) {
  function open(base, session, options = {}) {
    return openAt(`${base}/agents/chat/${session}`, { id: "chat-1", ...options });
  }

  function openAt(api, options = {}) {
    const transport = new DefaultChatTransport({
      api,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        const headers = Object.fromEntries(response.headers);
        calls.push({ method: init?.method ?? "GET", url: String(url), status: response.status, headers });
        emit({ event: "fetch", ...calls.at(-1) });
        return response;
      },
    });
    return mount({ React, createRoot }, () => useChat({ transport, ...options }));
  }

  const calls = [];
  const texts = (view) => view.messages.map(brief);
  const last = (view) => (view.messages.length ? brief(view.messages.at(-1)) : null);
  const numbers = (text) => (text.match(/\d+/g) ?? []).map(Number);
  const streaming = (v) => last(v)?.role === "assistant" && numbers(last(v).text).length >= 3;
  const complete = (v) => last(v)?.role === "assistant" && numbers(last(v).text).at(-1) === LONG;
  const answered = (n) => (v) =>
    v.status === "ready" && v.messages.filter((m) => m.role === "assistant").length >= n;

  async function say(hook, text, nth = 1) {
    await hook.until(() => true, "the first render");
    hook.current.sendMessage({ text });
    return hook.until(answered(nth), `the answer to ${JSON.stringify(text)}`);
  }

  return {
    async chat(base) {
      const session = freshSession("http");
      const hook = open(base, session);
      await say(hook, "my name is Ada", 1);
      const view = await say(hook, "what is my name?", 2);
      return { messages: texts(view), stored: (await transcript(base, session)).map(brief), calls };
    },

    async parts(base) {
      const session = freshSession("http-parts");
      const hook = open(base, session);
      await say(hook, "weather in Oslo", 1);
      const view = await say(hook, "think about cuttlefish", 2);
      return { parts: view.messages.map((m) => m.parts), stored: (await transcript(base, session)).map((m) => m.parts) };
    },

    async history(base) {
      const session = freshSession("http-history");
      const first = open(base, session);
      await say(first, "my name is Grace");
      first.unmount();
      const messages = await transcript(base, session);
      const second = open(base, session, { messages });
      await second.until((v) => v.messages.length === 2, "the initial messages");
      const loaded = texts(second.current);
      const view = await say(second, "what is my name?", 2);
      return { loaded, messages: texts(view), stored: (await transcript(base, session)).map(brief) };
    },

    // Results go back inside of the message, with everything else: there is no other way over HTTP.
    async tools(base) {
      const session = freshSession("http-tools");
      const told = { getTime: "12:00", getZone: "UTC" };
      const hook = open(base, session, {
        sendAutomaticallyWhen: settled,
        onToolCall: ({ toolCall }) => {
          const { toolCallId, toolName } = toolCall;
          hook.current.addToolResult({ tool: toolName, toolCallId, output: told[toolName] });
        },
      });
      await hook.until(() => true, "the first render");
      hook.current.sendMessage({ text: "the time and the zone in steps" });
      const view = await hook.until((v) => v.status === "ready" && last(v)?.text.endsWith("UTC."), "the whole answer");
      return { messages: texts(view), stored: (await transcript(base, session)).map(brief), calls };
    },

    // A handler that only yields text: its answer must still count as the step behind the result.
    async "tools-plain"(base) {
      const session = freshSession("http-plain");
      const hook = open(base, session, {
        sendAutomaticallyWhen: settled,
        onToolCall: ({ toolCall: { toolCallId, toolName } }) => {
          hook.current.addToolResult({ tool: toolName, toolCallId, output: "12:00" });
        },
      });
      await hook.until(() => true, "the first render");
      hook.current.sendMessage({ text: "the time" });
      const ended = (v) => v.status === "ready" && last(v)?.text.endsWith("12:00.");
      await hook.until(ended, "the whole answer");
      await new Promise((done) => setTimeout(done, 50)); // what it would send by itself, it sends at once
      const view = await hook.until(ended, "rest");
      return { messages: texts(view), stored: (await transcript(base, session)).map(brief), calls };
    },

    async regenerate(base) {
      const session = freshSession("http-regenerate");
      const hook = open(base, session);
      const first = texts(await say(hook, "hello"));
      hook.current.regenerate();
      const view = await hook.until(
        (v) => v.status === "ready" && v.messages.length === 2 && v.messages[1].id !== first[1].id,
        "the regenerated answer",
      );
      return { first, messages: texts(view), stored: (await transcript(base, session)).map(brief) };
    },

    async resume(base) {
      const session = freshSession("http-resume");
      const first = open(base, session);
      await first.until(() => true, "the first render");
      first.current.sendMessage({ text: `count to ${LONG}` });
      await first.until(streaming, "the first words of the long answer");
      first.current.stop(); // ends this client's request only: the turn goes on without it
      first.unmount();
      const second = open(base, session, { resume: true, messages: await transcript(base, session) });
      const view = await second.until((v) => v.status === "ready" && complete(v), "the whole answer after resuming");
      const late = open(base, session, { resume: true, messages: await transcript(base, session) });
      await late.until(
        (v) => v.status === "ready" && calls.filter((c) => c.url.endsWith("/stream")).length >= 2,
        "the answer that nothing runs",
      );
      return {
        messages: texts(view),
        numbers: numbers(last(view).text),
        late: texts(late.current),
        streams: calls.filter((c) => c.url.endsWith("/stream")).map((c) => c.status),
        stored: (await transcript(base, session)).map(brief),
      };
    },

    async stop(base) {
      const session = freshSession("http-stop");
      const hook = open(base, session);
      await hook.until(() => true, "the first render");
      hook.current.sendMessage({ text: `count to ${LONG * 5}` });
      await hook.until(streaming, "the first words of the long answer");
      const response = await fetch(`${base}/agents/chat/${session}/stop`, { method: "POST" });
      const view = await hook.until((v) => v.status === "ready", "status ready after the stop");
      const partial = last(view);
      const stored = (await transcript(base, session)).map(brief);
      const next = await say(hook, "hello", 2);
      return { stopStatus: response.status, partial, stored, messages: texts(next) };
    },

    // An application that has changed nothing: the address that all its users share.
    async bridge(base) {
      drawAlike();
      const one = openAt(`${base}/api/chat`);
      const two = openAt(`${base}/api/chat`);
      await say(one, "my name is Ada");
      await say(two, "my name is Grace");
      const ada = texts(await say(one, "what is my name?", 2));
      const grace = texts(await say(two, "what is my name?", 2));
      const going = [
        { id: "u1", role: "user", parts: [{ type: "text", text: "my name is Hedy" }] },
        { id: "a1", role: "assistant", parts: [{ type: "text", text: "Hello Hedy." }] },
      ];
      const three = openAt(`${base}/api/chat`, { messages: going });
      const hedy = texts(await say(three, "what is my name?", 2));
      const sessions = [...new Set(calls.map((call) => call.headers["x-session-id"]))];
      const stored = await Promise.all(sessions.map(async (id) => (await transcript(base, id)).map(brief)));
      return { ada, grace, hedy, sessions, stored };
    },

    async gone(base) {
      const hook = openAt(`${base}/api/chat`);
      await hook.until(() => true, "the first render");
      hook.current.sendMessage({ text: "hello" });
      const failed = await hook.until((v) => v.status === "error", "status error");
      return { message: failed.error.message, calls };
    },

    async error(base) {
      const hook = open(base, freshSession("http-error"));
      await hook.until(() => true, "the first render");
      hook.current.sendMessage({ text: "fail" });
      const failed = await hook.until((v) => v.status === "error", "status error");
      const message = failed.error?.message ?? null;
      hook.current.sendMessage({ text: "hello" });
      const view = await hook.until(
        (v) => v.status === "ready" && last(v)?.role === "assistant" && last(v).text.length > 0,
        "the answer to the next request",
      );
      return { message, messages: texts(view) };
    },
  };
}
