// Front ends that speak over a bare WebSocket, without any client library: node driver.mjs BASE_URL SCENARIO
import { WebSocket } from "ws";
import { network } from "../lib/network.mjs";
import { brief, freshSession, main, poll, transcript } from "../lib/report.mjs";

const net = network(WebSocket);
let made = 0;

function open(base, path, options = {}) {
  const socket = new net.Bare(base.replace(/^http/, "ws") + path, [], options);
  const frames = [];
  const waiting = new Set();
  const wake = () => [...waiting].forEach((check) => check());
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)));
    wake();
  });
  socket.on("close", wake);
  socket.on("error", () => {});
  const until = (holds, what, ms = 15_000) =>
    new Promise((resolve, reject) => {
      const check = () => {
        const found = holds(frames);
        if (!found && socket.readyState !== WebSocket.CLOSED) return;
        clearTimeout(timer);
        waiting.delete(check);
        found ? resolve(found) : reject(new Error(`the socket closed before this happened: ${what}`));
      };
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(new Error(`time is up after ${ms} ms: ${what} did not happen`));
      }, ms);
      waiting.add(check);
      check();
    });
  const opened = new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return { socket, frames, until, opened, send: (frame) => socket.send(JSON.stringify(frame)) };
}

const responses = (frames, id) =>
  frames.filter((f) => f.type === "cf_agent_use_chat_response" && (id === undefined || f.id === id));

/** What Cutty's front end does with the frames of one answer; anything it cannot read is in `lost`. */
function bubble(frames) {
  const seen = { text: "", ids: [], ends: 0, lost: [], endIsDone: false, afterEnd: 0 };
  for (const frame of frames) {
    if (!frame.body) continue; // an empty body is ignored altogether, also when it says done
    if (seen.ends) seen.afterEnd += 1;
    let value;
    try {
      value = JSON.parse(frame.body.slice(2));
    } catch {
      seen.lost.push(frame.body);
      continue;
    }
    if (frame.body.startsWith("0:")) seen.text += value;
    else if (frame.body.startsWith("f:")) seen.ids.push(value.messageId);
    else if (frame.body.startsWith("e:")) {
      seen.ends += 1;
      seen.endIsDone = frame.done;
    } else seen.lost.push(frame.body);
  }
  return seen;
}

/** Frames that this front end would show as an answer although they are none. */
const misread = (frames) =>
  frames.filter((f) => typeof f.content === "string" || typeof f.message === "string");

function userMessage(text) {
  made += 1;
  return { id: `msg-${made}`, role: "user", content: text, createdAt: new Date(0).toISOString(),
    metadata: { user: "a@b.example", page: "/", origin: "https://app.example" } };
}

async function ask(client, id, messages) {
  client.send({ type: "cf_agent_use_chat_request", id, init: { method: "POST", body: JSON.stringify({ messages }) } });
  await client.until((frames) => responses(frames, id).find((f) => f.done), `the end of ${id}`);
  return bubble(responses(client.frames, id));
}

async function history(base, query, headers = {}) {
  const response = await fetch(`${base}/agents/chat/default/get-messages${query}`, { headers });
  return response.json();
}

await main({
  async cutty(base) {
    const session = freshSession("session");
    const query = `?sessionId=${session}&origin=${encodeURIComponent("https://app.example")}`;
    const client = open(base, `/agents/chat/default${query}`);
    await client.opened;
    const first = [userMessage("my name is Ada")];
    const one = await ask(client, "req-1", first);
    const answer = { id: "msg-1700000000000", role: "assistant", content: one.text };
    const two = await ask(client, "req-2", [...first, answer, userMessage("what is my name?")]);
    const failed = await ask(client, "req-3", [userMessage("fail")]);
    const stored = await history(base, `?sessionId=${session}`);
    const direct = await transcript(base, session);
    return { one, two, failed, misread: misread(client.frames), stored, direct: direct.map(brief) };
  },

  async minimal(base) {
    const session = freshSession("minimal");
    const client = open(base, `/agents/chat/default?sessionId=${session}`);
    await client.opened;
    client.send({ message: "my name is Grace", context: { user: "a@b.example", page: "/generate" } });
    await client.until((frames) => responses(frames).find((f) => f.done), "the end of the first answer");
    const one = bubble(responses(client.frames));
    const [firstId] = responses(client.frames).map((f) => f.id);
    client.send({ message: "what is my name?" });
    await client.until((frames) => responses(frames).find((f) => f.done && f.id !== firstId), "the second end");
    const two = bubble(responses(client.frames).filter((f) => f.id !== firstId));
    return { one, two, misread: misread(client.frames), stored: await history(base, `?sessionId=${session}`) };
  },

  async default(base) {
    const [a, b] = [freshSession("route-a"), freshSession("route-b")];
    const byQuery = open(base, `/agents/chat/default?sessionId=${a}`);
    const byHeader = open(base, "/agents/chat/default", { headers: { "X-Session-Id": b } });
    await Promise.all([byQuery.opened, byHeader.opened]);
    const [first, second] = await Promise.all([
      ask(byQuery, "req-a", [userMessage("my name is Ada")]),
      ask(byHeader, "req-b", [userMessage("my name is Bob")]),
    ]);
    return {
      first,
      second,
      storedByQuery: await history(base, `?sessionId=${a}`),
      storedByHeader: await history(base, "", { "X-Session-Id": b }),
      direct: [(await transcript(base, a)).map(brief), (await transcript(base, b)).map(brief)],
      names: net.inbound("cf_agent_identity").map((f) => f.name).sort(),
      sessions: [a, b].sort(),
    };
  },

  async v5(base) {
    const session = freshSession("bare");
    const client = open(base, `/agents/chat/${session}?_pk=bare-1`);
    await client.until((frames) => frames.find((f) => f.type === "cf_agent_identity"), "the identity frame");
    client.send({ type: "cf_agent_stream_resume_request", probeId: "p1" });
    const none = await client.until((f) => f.find((x) => x.type === "cf_agent_stream_resume_none"), "the answer to the probe");
    // None of these may close the socket or disturb what follows.
    for (const odd of ["", "not json", "[]", "null", "7", '{"type":"nope"}', '{"type":"cf_agent_chat_request_cancel","id":"x"}']) {
      client.socket.send(odd);
    }
    client.socket.send(Buffer.from([1, 2, 3]));
    client.send({ type: "cf_agent_use_chat_request", id: "bad", init: { method: "POST", body: "{" } });
    const refused = await client.until((f) => responses(f, "bad").find((x) => x.done), "the refusal of a bad body");
    const message = { id: "u1", role: "user", parts: [{ type: "text", text: "count to 5" }] };
    client.send({ type: "cf_agent_use_chat_request", id: "r1", init: { method: "POST", body: JSON.stringify({ messages: [message], trigger: "submit-message" }) } });
    const terminal = await client.until((f) => responses(f, "r1").find((x) => x.done), "the terminal frame");
    const stream = responses(client.frames, "r1").filter((f) => !f.done);
    const chunks = stream.map((f) => JSON.parse(f.body));
    return {
      none,
      refused,
      terminal,
      types: chunks.map((c) => c.type),
      text: chunks.filter((c) => c.type === "text-delta").map((c) => c.delta).join(""),
      seqs: stream.map((f) => f.seq),
      startId: chunks.find((c) => c.type === "start")?.messageId ?? null,
      stored: await poll(() => transcript(base, session), "the transcript"),
    };
  },
});
