/**
 * A chat in plain JavaScript: `fetch`, server-sent events and `WebSocket`, no library.
 *
 * @typedef {{ id: string, role: "user" | "assistant", parts: Array<Record<string, any>> }} Message
 */
export class PlainChat {
  /** @type {Message[]} */
  messages = [];
  /** @type {"ready" | "streaming"} */
  status = "ready";
  /** @type {Error | undefined} */
  error;

  #closed = new AbortController();
  #asked = new AbortController();
  #socket = null;
  #waiting = [];
  #request = null;
  /** The request that had been sent when this connection asked what is running. */
  #resuming = null;

  /**
   * @param {object} options
   * @param {string} options.url address of the session (or of the old shared chat)
   * @param {string} options.historyUrl answers the messages so far, as a JSON array
   * @param {"websocket" | "fetch"} options.transport
   * @param {() => Promise<string>} options.token says who asks; asked before every request and every socket
   * @param {() => void} options.forgetToken called when the token was refused: the next one must be a new one
   * @param {() => void} options.onChange called when messages, status or error have changed
   */
  constructor({ url, historyUrl, transport, token, forgetToken, onChange }) {
    Object.assign(this, { url, historyUrl, transport, token, forgetToken, onChange });
  }

  /** Shows the history, connects, and goes on with an answer that is still running. */
  async open() {
    await this.#loadHistory();
    if (this.#closed.signal.aborted) return;
    if (this.transport === "websocket") await this.#connect();
    else if (this.#hasSession && this.status === "ready") await this.#follow(`${this.url}/stream`);
  }

  /** Lets go of the connection. A running answer goes on at the server, and is there when the page comes back. */
  close() {
    this.#closed.abort();
    this.#socket?.close();
  }

  async send(text) {
    const message = { id: crypto.randomUUID(), role: "user", parts: [{ type: "text", text }] };
    this.#show({ messages: [...this.messages, message], status: "streaming", error: undefined });
    const token = this.#hasSession ? undefined : await this.token(); // The old server looks for it in the body.
    const body = JSON.stringify({ messages: [message], trigger: "submit-message", token });
    if (this.transport === "websocket") {
      this.#request = crypto.randomUUID();
      this.#frame({ type: "cf_agent_use_chat_request", id: this.#request, init: { method: "POST", body } });
    } else {
      await this.#follow(this.url, { method: "POST", headers: { "content-type": "application/json" }, body });
      if (!this.#hasSession) await this.#loadHistory(); // The others have talked meanwhile.
    }
  }

  stop() {
    if (this.transport === "websocket") this.#frame({ type: "cf_agent_chat_request_cancel", id: this.#request });
    else if (this.#hasSession) void this.#fetch(`${this.url}/stop`, { method: "POST" });
    else this.#asked.abort(); // The old server has no stop; it notices that nobody reads.
  }

  /** The old shared chat has but one address. */
  get #hasSession() {
    return this.url !== this.historyUrl;
  }

  async #loadHistory() {
    try {
      const answer = await this.#fetch(this.historyUrl, { signal: this.#closed.signal });
      const messages = await answer.json();
      if (!answer.ok) throw new Error(messages.error?.message);
      if (this.status === "ready") this.#show({ messages });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A request as whoever is signed in; once more with a new token when the first one has ended. */
  async #fetch(url, request, again = true) {
    if (!this.#hasSession) return fetch(url, request);
    const headers = { ...request.headers, authorization: `Bearer ${await this.token()}` };
    const answer = await fetch(url, { ...request, headers });
    if (answer.status !== 401 || !again) return answer;
    this.forgetToken();
    return this.#fetch(url, request, false);
  }

  /** Reads an answer that comes as server-sent events: blocks of lines, an empty line after each. */
  async #follow(url, request = {}) {
    this.#asked.abort(); // This comes after whatever was read until now.
    const asked = (this.#asked = new AbortController());
    try {
      const signal = AbortSignal.any([asked.signal, this.#closed.signal]);
      const answer = await this.#fetch(url, { ...request, signal });
      if (answer.status === 204) return; // Nothing is running.
      if (!answer.ok) throw new Error((await answer.json()).error?.message ?? `The server answered ${answer.status}.`);
      this.#show({ status: "streaming" });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let unread = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const blocks = (unread + value).split("\n\n");
        unread = blocks.pop();
        for (const block of blocks) if (block.startsWith("data: {")) this.#apply(JSON.parse(block.slice(6)));
      }
      this.#show({ status: "ready" });
    } catch (error) {
      if (this.#asked === asked) this.#failed(error);
    }
  }

  /** Browsers cannot send headers with a WebSocket, so the token goes as a subprotocol. */
  async #connect(attempt = 0) {
    let token;
    try {
      token = await this.token();
    } catch (error) {
      return this.#failed(error);
    }
    if (this.#closed.signal.aborted) return;
    const socket = new WebSocket(this.url.replace(/^http/, "ws"), ["cutty", `cutty.bearer.${token}`]);
    this.#socket = socket;
    let heard = false;
    socket.addEventListener("open", () => {
      if (attempt > 0) void this.#loadHistory();
      for (const frame of this.#waiting.splice(0)) this.#frame(frame);
      this.#resuming = this.#request;
      this.#frame({ type: "cf_agent_stream_resume_request" });
    });
    socket.addEventListener("message", ({ data }) => {
      heard = true;
      this.#receive(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (this.#closed.signal.aborted) return;
      if (code === 4401) this.forgetToken();
      const refused = code === 1008 || code >= 4000;
      if (code === 4401 && (heard || attempt === 0)) void this.#connect(1); // The token has ended: on with another.
      else if (refused) this.#failed(new Error(reason || "The server closed the connection."));
      else setTimeout(() => this.#closed.signal.aborted || this.#connect(heard ? 1 : attempt + 1), pause(attempt));
    });
  }

  /** Sends now, or as soon as there is a connection. */
  #frame(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
    else this.#waiting.push(frame);
  }

  #receive(frame) {
    switch (frame.type) {
      case "cf_agent_stream_resuming": // An answer is running: ask for it from its first chunk.
        this.#request = frame.id;
        this.#show({ status: "streaming" });
        return this.#frame({ type: "cf_agent_stream_resume_ack", id: frame.id });
      case "cf_agent_stream_resume_none": // The answer has ended meanwhile; unless it was asked for later.
        if (this.status === "ready" || this.#request !== this.#resuming) return;
        this.#show({ status: "ready" });
        return this.#loadHistory();
      case "cf_agent_chat_messages":
        return this.#show({ messages: frame.messages });
      case "cf_agent_chat_clear":
        return this.#show({ messages: [] });
      case "cf_agent_use_chat_response":
        if (frame.error) this.#show({ error: new Error(frame.body) });
        else if (frame.body) this.#apply(JSON.parse(frame.body), frame.continuation);
        if (frame.done) this.#show({ status: "ready" });
    }
  }

  /** One chunk of the answer: a piece of text, a tool call, or its result. */
  #apply(chunk, continuation = false) {
    const messages = [...this.messages];
    let message = messages.at(-1);
    if (chunk.type === "start" && !continuation) {
      if (message?.id === chunk.messageId) messages.pop(); // Told again from its beginning.
      message = { id: chunk.messageId ?? crypto.randomUUID(), role: "assistant", parts: [] };
      return this.#show({ messages: [...messages, message], status: "streaming" });
    }
    if (message?.role !== "assistant") return;
    const parts = [...message.parts];
    const at = parts.findLastIndex((part) => part.toolCallId === chunk.toolCallId && "toolCallId" in part);
    switch (chunk.type) {
      case "text-start":
        parts.push({ type: "text", text: "" });
        break;
      case "text-delta":
        parts.push({ type: "text", text: parts.pop().text + chunk.delta });
        break;
      case "tool-input-available":
        parts.push({ type: `tool-${chunk.toolName}`, toolCallId: chunk.toolCallId, input: chunk.input });
        break;
      case "tool-output-available":
        parts[at] = { ...parts[at], output: chunk.output };
        break;
      case "tool-output-error":
        parts[at] = { ...parts[at], errorText: chunk.errorText };
        break;
      case "error":
        return this.#show({ error: new Error(chunk.errorText) });
      default:
        return;
    }
    messages[messages.length - 1] = { ...message, parts };
    this.#show({ messages });
  }

  #failed(error) {
    this.#show({ status: "ready", error: error.name === "AbortError" ? undefined : error });
  }

  #show(changed) {
    if (this.#closed.signal.aborted) return;
    Object.assign(this, changed);
    this.onChange();
  }
}

/** Milliseconds to wait before the next attempt to connect. */
const pause = (attempt) => Math.min(500 * 2 ** attempt, 5000);
