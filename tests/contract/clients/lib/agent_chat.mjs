// Scenarios of `useAgent` with `useAgentChat` (agents 0.32, @cloudflare/ai-chat 0.12), the same for AI SDK 6 and 7.
import { mount } from "./hook.mjs";
import { brief, freshSession, poll, transcript } from "./report.mjs";

const LONG = 60; // numbers that "count to N" streams; long enough to be interrupted

/** All scenarios, given the modules of one client package and the recorded network. */
export function agentChatScenarios({ React, createRoot, useAgent, useAgentChat, complete: answerable, net }) {
  function open(base, session, { chat = {}, agent = {} } = {}) {
    return mount({ React, createRoot, net }, () => {
      const connection = useAgent({
        agent: "chat",
        name: session,
        host: new URL(base).host,
        minReconnectionDelay: 100,
        maxReconnectionDelay: 300,
        ...agent,
      });
      return { connection, ...useAgentChat({ agent: connection, ...chat }) };
    });
  }

  const texts = (view) => view.messages.map(brief);
  const last = (view) => (view.messages.length ? brief(view.messages.at(-1)) : null);
  const answered = (n) => (view) =>
    view.status === "ready" && view.messages.filter((m) => m.role === "assistant").length >= n;
  const streaming = (view) => last(view)?.role === "assistant" && (last(view).text.match(/\d+/g) ?? []).length >= 3;

  // A hook asks on mount whether something runs, and sets its status when it is told; a request sent before that
  // would have its own status overwritten. People are slower than that, so the scenarios wait as well.
  async function settled(hook, whose = "") {
    const told = () => [...net.inbound("cf_agent_stream_resume_none"), ...net.inbound("cf_agent_stream_resuming")];
    const answered = () => {
      const probes = net.outbound("cf_agent_stream_resume_request");
      return probes.length > 0 && probes.every((p) => told().some((f) => f.probeId === p.probeId));
    };
    await hook.until((v) => v.connection.identified && answered(), `the greeting ${whose}`.trim());
    await new Promise((done) => setTimeout(done, 0));
  }

  async function say(hook, text, nth = 1) {
    await settled(hook);
    hook.current.sendMessage({ text });
    return hook.until(answered(nth), `the answer to ${JSON.stringify(text)}`);
  }

  const numbers = (text) => (text.match(/\d+/g) ?? []).map(Number);
  const complete = (message) => message?.role === "assistant" && numbers(message.text).at(-1) === LONG;

  // A conversation with two tools of the browser, one after the other, until the page rests.
  async function withTools(base, chat) {
    const session = freshSession("tools");
    const told = { getTime: "12:00", getZone: "UTC" };
    const hook = open(base, session, {
      chat: {
        onToolCall: ({ toolCall: { toolCallId, toolName }, addToolOutput }) => {
          const give = addToolOutput ?? hook.current.addToolOutput;
          give({ tool: toolName, toolCallId, output: told[toolName] });
        },
        ...chat,
      },
    });
    await settled(hook);
    hook.current.sendMessage({ text: "the time and the zone in steps" });
    await hook.until((v) => v.status === "ready" && last(v)?.text.endsWith("UTC."), "the whole answer");
    await hook.current.connection.call("unknown").catch(() => {});
    const view = await hook.until((v) => v.status === "ready", "the page as it stays");
    return {
      messages: texts(view),
      stored: (await transcript(base, session)).map(brief),
      requests: net.outbound("cf_agent_use_chat_request").length,
      results: net.outbound("cf_agent_tool_result").map((frame) => Boolean(frame.autoContinue)),
    };
  }

  return {
    tools: (base) => withTools(base, {}),

    "tools-sent-again": (base) =>
      withTools(base, { autoContinueAfterToolResult: false, sendAutomaticallyWhen: answerable }),

    async chat(base) {
      const session = freshSession("chat");
      const hook = open(base, session);
      await settled(hook);
      const view = await say(hook, "hello");
      const terminals = net.inbound("cf_agent_use_chat_response").filter((f) => f.done);
      return {
        session,
        identity: { agent: view.connection.agent, name: view.connection.name },
        messages: texts(view),
        stored: (await transcript(base, session)).map(brief),
        terminals,
        transcriptsToOwner: net.inbound("cf_agent_chat_messages").length,
        seqs: net.inbound("cf_agent_use_chat_response").filter((f) => !f.done).map((f) => f.seq),
      };
    },

    async "two-turns"(base) {
      const hook = open(base, freshSession("two"));
      await say(hook, "my name is Ada", 1);
      const view = await say(hook, "what is my name?", 2);
      return { messages: texts(view) };
    },

    async parts(base) {
      const session = freshSession("parts");
      const hook = open(base, session);
      await say(hook, "weather in Oslo", 1);
      const view = await say(hook, "think about cuttlefish", 2);
      return { parts: view.messages.map((m) => m.parts), stored: (await transcript(base, session)).map((m) => m.parts) };
    },

    async history(base) {
      const session = freshSession("history");
      const first = open(base, session);
      const before = texts(await say(first, "hello"));
      first.unmount();
      const second = open(base, session);
      const view = await second.until((v) => v.messages.length >= 2 && v.status === "ready", "the loaded history");
      await settled(second, "of the second hook");
      return { before, after: texts(view) };
    },

    async stop(base) {
      const session = freshSession("stop");
      const hook = open(base, session);
      await settled(hook);
      hook.current.sendMessage({ text: `count to ${LONG * 5}` });
      await hook.until(streaming, "the first words of the long answer");
      hook.current.stop();
      const stopped = await hook.until((v) => v.status === "ready", "status ready after stop");
      const partial = last(stopped);
      const aborted = await poll(
        () => net.inbound("cf_agent_use_chat_response").find((f) => f.done),
        "the terminal frame of the stopped request",
      );
      const stored = (await transcript(base, session)).map(brief);
      const next = await say(hook, "hello", 2);
      return { partial, aborted, stored, messages: texts(next), status: next.status };
    },

    async regenerate(base) {
      const session = freshSession("regenerate");
      const hook = open(base, session);
      await settled(hook);
      const first = texts(await say(hook, "hello"));
      hook.current.regenerate();
      const view = await hook.until(
        (v) => v.status === "ready" && v.messages.length === 2 && v.messages[1].id !== first[1].id,
        "the regenerated answer",
      );
      return { first, messages: texts(view), stored: (await transcript(base, session)).map(brief) };
    },

    async clear(base) {
      const session = freshSession("clear");
      const hook = open(base, session);
      const other = open(base, session);
      await settled(other, "of the other tab");
      await settled(hook);
      await say(hook, "my name is Zelda");
      await other.until((v) => v.messages.length === 2, "the answer in the other tab");
      hook.current.clearHistory();
      await hook.until((v) => v.messages.length === 0, "the clear in its own tab");
      await other.until((v) => v.messages.length === 0, "the clear in the other tab");
      const stored = await transcript(base, session);
      const view = await say(hook, "what is my name?", 1);
      return { stored, messages: texts(view), other: texts(other.current) };
    },

    async "set-messages"(base) {
      const session = freshSession("set");
      const hook = open(base, session);
      const other = open(base, session);
      await settled(other, "of the other tab");
      await settled(hook);
      hook.current.setMessages([{ id: "u-set", role: "user", parts: [{ type: "text", text: "my name is Grace" }] }]);
      await other.until((v) => v.messages.length === 1, "the set messages in the other tab");
      const stored = (await transcript(base, session)).map(brief);
      const view = await say(hook, "what is my name?", 1);
      return { stored, messages: texts(view) };
    },

    async observer(base) {
      const session = freshSession("observer");
      const owner = open(base, session);
      const observer = open(base, session);
      await settled(observer, "of the observer");
      await settled(owner, "of the owner");
      owner.current.sendMessage({ text: `count to ${LONG}` });
      const live = await observer.until(streaming, "live words at the observer");
      const liveAt = { text: last(live).text, busy: live.isStreaming };
      await owner.until(answered(1), "the answer at the owner");
      const done = await observer.until((v) => !v.isStreaming && complete(last(v)),
        "the whole answer at the observer");
      return { liveAt, owner: texts(owner.current), observer: texts(done) };
    },

    async resume(base) {
      const session = freshSession("resume");
      const hook = open(base, session);
      await settled(hook);
      hook.current.sendMessage({ text: `count to ${LONG}` });
      await hook.until(streaming, "the first words of the long answer");
      net.cut();
      await hook.until((v) => v.status === "error", "the hook noticing the lost socket");
      const view = await hook.until((v) => v.status === "ready" && complete(last(v)),
        "the whole answer after the reconnect");
      return {
        opened: net.opened,
        messages: texts(view),
        numbers: numbers(last(view).text),
        stored: (await transcript(base, session)).map(brief),
      };
    },

    async reload(base) {
      const session = freshSession("reload");
      const first = open(base, session);
      await settled(first);
      first.current.sendMessage({ text: `count to ${LONG}` });
      await first.until(streaming, "the first words of the long answer");
      first.unmount();
      const second = open(base, session);
      const view = await second.until(
        (v) => v.status === "ready" && complete(last(v)),
        "the whole answer after the reload",
      );
      return { messages: texts(view), numbers: numbers(last(view).text) };
    },

    async "resume-late"(base) {
      const session = freshSession("late");
      const hook = open(base, session);
      await settled(hook);
      hook.current.sendMessage({ text: `count to ${LONG}` });
      await hook.until(streaming, "the first words of the long answer");
      net.offline = true;
      net.cut();
      await hook.until((v) => v.status === "error", "the hook noticing the lost socket");
      const cutAt = last(hook.current);
      await poll(
        async () => complete((await transcript(base, session)).map(brief).at(-1)),
        "the whole answer in the store",
      );
      const openedBefore = net.opened;
      net.offline = false;
      await hook.until(() => net.opened > openedBefore, "the reconnect");
      let healed = true;
      try {
        await hook.until((v) => v.status === "ready" && complete(last(v)),
          "the whole answer after the late reconnect", 5_000);
      } catch {
        healed = false;
      }
      const view = hook.current;
      return {
        cutAt,
        healed,
        status: view.status,
        error: view.error?.message ?? null,
        messages: texts(view),
        numbers: numbers(last(view)?.text ?? ""),
        stored: (await transcript(base, session)).map(brief),
      };
    },

    async "offline-send"(base) {
      const session = freshSession("offline");
      const hook = open(base, session);
      await settled(hook);
      hook.current.sendMessage({ text: `count to ${LONG}` });
      await hook.until(streaming, "the first words of the long answer");
      net.offline = true;
      net.cut();
      await hook.until((v) => v.status === "error", "the hook noticing the lost socket");
      await poll(
        async () => complete((await transcript(base, session)).map(brief).at(-1)),
        "the whole answer in the store",
      );
      hook.current.sendMessage({ text: "hello" });
      // Each failed attempt to reconnect may set the status of what waits to "error" at once; it is sent all the same.
      await hook.until((v) => last(v)?.text === "hello", "the message waiting for the network");
      net.offline = false;
      const view = await hook.until(answered(2), "the answer to the message written offline");
      // The hook probes once more when its turn is over; what that brings is part of the result.
      const probes = () => net.outbound("cf_agent_stream_resume_request").length;
      const before = probes();
      let healed = true;
      try {
        await hook.until(
          (v) => v.status === "ready" && v.messages.length === 4 && complete(brief(v.messages[1])),
          "the whole first answer", 3_000);
      } catch {
        healed = false;
      }
      return { healed, probes: [before, probes()], status: hook.current.status, messages: texts(hook.current),
        beforeProbe: texts(view), stored: (await transcript(base, session)).map(brief) };
    },

    async "queued-cancel"(base) {
      const session = freshSession("queued");
      const first = open(base, session);
      const second = open(base, session);
      await settled(first, "of the first tab");
      await settled(second, "of the second tab");
      first.current.sendMessage({ text: `count to ${LONG}` });
      await first.until(streaming, "the first words of the long answer");
      second.current.sendMessage({ text: "hello from the queue" });
      await second.until((v) => v.status === "submitted", "the second request waiting");
      const queued = await poll(
        () => net.outbound("cf_agent_use_chat_request").find((f) => f.init.body.includes("hello from the queue")),
        "the second request on the wire",
      );
      second.current.stop();
      await second.until((v) => v.status === "ready", "status ready after the stop");
      const terminal = await poll(
        () => net.inbound("cf_agent_use_chat_response").find((f) => f.id === queued.id && f.done),
        "the terminal frame of the queued request",
      );
      const view = await first.until((v) => answered(1)(v) && texts(v).some(complete), "the first answer, undisturbed");
      const stored = (await transcript(base, session)).map(brief);
      const next = await say(first, "hello", 2);
      return { terminal, first: texts(view), stored, next: texts(next) };
    },

    async error(base) {
      const hook = open(base, freshSession("error"));
      await settled(hook);
      hook.current.sendMessage({ text: "fail" });
      const failed = await hook.until((v) => v.status === "error", "status error");
      const message = failed.error?.message ?? null;
      const failedTerminals = net.inbound("cf_agent_use_chat_response").filter((f) => f.done || f.error);
      hook.current.sendMessage({ text: "hello" });
      const view = await hook.until((v) => v.status === "ready" && last(v)?.role === "assistant",
        "the answer to the next request");
      return { message, failedTerminals, messages: texts(view) };
    },

    async isolation(base) {
      const [a, b] = [freshSession("iso-a"), freshSession("iso-b")];
      const [first, second] = [open(base, a), open(base, b)];
      await settled(first, "of the first session");
      await settled(second, "of the second session");
      await Promise.all([say(first, "my name is Ada"), say(second, "my name is Bob")]);
      await Promise.all([say(first, "what is my name?", 2), say(second, "what is my name?", 2)]);
      return {
        first: texts(first.current),
        second: texts(second.current),
        storedFirst: (await transcript(base, a)).map(brief),
        storedSecond: (await transcript(base, b)).map(brief),
      };
    },

    async state(base) {
      const session = freshSession("state");
      const seen = [];
      const hook = open(base, session);
      const other = open(base, session, { agent: { onStateUpdate: (s, source) => seen.push({ state: s, source }) } });
      await settled(hook);
      await settled(other, "of the other tab");
      hook.current.connection.setState({ theme: "dark", n: 0 });
      await other.until((v) => v.connection.state?.theme === "dark", "the state in the other tab");
      return { seen, state: other.current.connection.state };
    },

    async "connection-error"(base) {
      const refused = [];
      // A session id outside the allowed alphabet: the server accepts the socket and closes it with a terminal code.
      const hook = open(base, "not;allowed", {
        agent: { onConnectionError: (error) => refused.push({ message: error.message }) },
        chat: { getInitialMessages: null },
      });
      const view = await hook.until((v) => v.connectionError !== null, "the connection error");
      const opened = net.opened;
      // Three times the longest reconnect delay set above: a client that wanted to come back would have.
      await new Promise((done) => setTimeout(done, 900));
      return {
        message: view.connectionError.message,
        refused,
        reconnects: net.opened - opened,
        closes: net.frames.filter((f) => f.event === "close"),
      };
    },
  };
}
