import { type Chunk, Fold } from "./fold.ts";
import type { ClientFrame, ResponseFrame, ServerFrame } from "./frames.ts";
import type { LinkState } from "./link.ts";
import { isMessage, type Message, type Part } from "./message.ts";

/** The line to the server as a conversation sees it. */
export interface Line {
  readonly state: LinkState;
  send(frame: ClientFrame): boolean;
}

export interface ConversationEvents {
  /** Something that is shown has changed. */
  changed(): void;
  /** An answer is complete; `outcome` is `completed`, `aborted`, `error` and the like. */
  answered(message: Message, outcome: string): void;
  /** A turn has failed; the text is meant for people. */
  failed(text: string): void;
  /** The agent wants the page to do something. */
  action(action: string, data: unknown): void;
}

export interface ConversationWorld {
  /** The stored transcript; null when it cannot be had. */
  history(): Promise<Message[] | null>;
  id(): string;
}

/** One stream of chunks, from its first frame to its terminal one. */
interface Stream {
  fold: Fold | null;
  continuation: boolean;
  seq: number;
  failure: string | null;
}

/** A request of this page that has no terminal frame yet. */
interface Request {
  /** What it sends; null where it asks for the last answer once more. */
  message: Message | null;
  trigger: "submit-message" | "regenerate-message";
  /** Not yet; on this connection; or on an earlier one, so that nobody knows whether it arrived. */
  sent: "no" | "now" | "before";
  /** A transcript that came after it does not hold it. */
  unlisted: boolean;
}

/**
 * The state of one session as this page knows it: the protocol's frames in, requests out.
 *
 * The server owns the history. After every connect the transcript is read before any frame counts, then a probe asks
 * what is running; what was sent while the line broke is sent again only if the transcript does not hold it.
 */
export class Conversation {
  messages: Message[] = [];
  /** The text of the last failure, until the next request. */
  failure: string | null = null;
  recovering = false;
  /** Whether the transcript has been read. */
  loaded = false;

  readonly #line: Line;
  readonly #events: ConversationEvents;
  readonly #world: ConversationWorld;
  readonly #streams = new Map<string, Stream>();
  readonly #requests = new Map<string, Request>();
  /** Ids of the messages that the server is known to have. */
  #stored = new Set<string>();
  readonly #acknowledged = new Set<string>();
  /** Frames that came while the transcript was on its way; null when frames are taken as they come. */
  #inbox: ServerFrame[] | null = [];
  #reading = 0;
  /** A turn that was accepted and has not begun; its id, where the server tells it. */
  #parked: string | boolean = false;

  constructor(line: Line, events: ConversationEvents, world: ConversationWorld) {
    this.#line = line;
    this.#events = events;
    this.#world = world;
  }

  /** Whether an answer is on its way, whoever asked. */
  get busy(): boolean {
    return this.#requests.size > 0 || this.#streams.size > 0 || this.#parked !== false || this.recovering;
  }

  /** Whether words of an answer are coming in right now. */
  get streaming(): boolean {
    return [...this.#streams.values()].some(({ fold }) => fold !== null);
  }

  /** Shows and sends a message of the visitor; while there is no connection it waits for one. */
  submit(text: string): Message {
    const message: Message = { id: this.#world.id(), role: "user", parts: [{ type: "text", text }] };
    this.messages.push(message);
    this.#request(message, "submit-message");
    return message;
  }

  /** Asks for the last answer once more. */
  retry(): void {
    const last = this.messages.findLastIndex(({ role }) => role === "user");
    if (last < 0 || this.busy) return;
    this.messages.splice(last + 1);
    this.#request(null, "regenerate-message");
  }

  /** Ends every running answer; what it has said so far stays. */
  stop(): void {
    const ids = new Set([...this.#requests.keys(), ...this.#streams.keys()]);
    if (typeof this.#parked === "string") ids.add(this.#parked);
    for (const id of ids) {
      this.#line.send({ type: "cf_agent_chat_request_cancel", id });
    }
  }

  /** Deletes the conversation, here and on the server. */
  clear(): void {
    if (!this.#line.send({ type: "cf_agent_chat_clear" })) return;
    this.#empty();
    this.#events.changed();
  }

  /** Allows or refuses what a tool wants to do. */
  approve(toolCallId: string, approved: boolean): void {
    if (!this.#line.send({ type: "cf_agent_tool_approval", toolCallId, approved, autoContinue: true })) return;
    const part = this.#part(toolCallId);
    if (part) Object.assign(part, { state: "approval-responded", approval: { ...part.approval, approved } });
    this.#probe();
    this.#events.changed();
  }

  /** There is a connection: read what is stored, then ask what is running. */
  async connected(): Promise<void> {
    const reading = ++this.#reading;
    this.#inbox ??= [];
    const stored = await this.#world.history();
    if (reading !== this.#reading) return;
    if (stored) this.#adopt(stored);
    this.loaded = true;
    const waiting = this.#inbox;
    this.#inbox = null;
    for (const frame of waiting) this.#take(frame);
    for (const [id, { sent }] of this.#requests) if (sent === "no") this.#transmit(id);
    this.#probe();
    this.#events.changed();
  }

  /** The connection is gone. What is half-done is built anew from the replay when it is back. */
  disconnected(): void {
    this.#reading += 1;
    this.#inbox = [];
    this.#streams.clear();
    this.#acknowledged.clear();
    this.#parked = false;
    for (const request of this.#requests.values()) if (request.sent === "now") request.sent = "before";
    this.#events.changed();
  }

  /** Takes a frame of the server; before the transcript has been read it waits. */
  receive(frame: ServerFrame): void {
    if (this.#inbox) {
      this.#inbox.push(frame);
      return;
    }
    this.#take(frame);
    this.#events.changed();
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case "cf_agent_use_chat_response":
        return this.#response(frame);
      case "cf_agent_chat_messages":
        if (Array.isArray(frame.messages)) this.#adopt(frame.messages);
        return;
      case "cf_agent_chat_clear":
        return this.#empty();
      case "cf_agent_message_updated":
        return this.#update(frame.message);
      case "cf_agent_stream_resuming":
        this.#parked = false;
        if (this.#acknowledged.has(frame.id)) return;
        this.#acknowledged.add(frame.id);
        this.#line.send({ type: "cf_agent_stream_resume_ack", id: frame.id });
        return;
      case "cf_agent_stream_pending":
        this.#parked = frame.id ?? true;
        return;
      case "cf_agent_stream_resume_none":
        this.#parked = false;
        return this.#nothingRuns(frame.reason);
      case "cf_agent_chat_recovering":
        this.recovering = frame.recovering === true;
        return;
      case "action":
        this.#events.action(String(frame.action), frame.data);
    }
  }

  #request(message: Message | null, trigger: Request["trigger"]): void {
    const id = this.#world.id();
    this.failure = null;
    this.#requests.set(id, { message, trigger, sent: "no", unlisted: false });
    this.#transmit(id);
    this.#events.changed();
  }

  #transmit(id: string): void {
    const request = this.#requests.get(id);
    // Before the transcript was read this page does not know what it would leave out.
    if (!request || this.#inbox) return;
    // The whole transcript, as every client of this protocol sends it.
    const body = JSON.stringify({ messages: this.messages, trigger: request.trigger });
    const frame: ClientFrame = { type: "cf_agent_use_chat_request", id, init: { method: "POST", body } };
    if (this.#line.send(frame)) request.sent = "now";
  }

  #probe(): void {
    this.#line.send({ type: "cf_agent_stream_resume_request", probeId: this.#world.id() });
  }

  #response(frame: ResponseFrame): void {
    const { id } = frame;
    const known = this.#streams.get(id);
    if (frame.replay && !known && !this.#acknowledged.has(id)) return;
    const stream = known ?? { fold: null, continuation: frame.continuation === true, seq: -1, failure: null };
    this.#streams.set(id, stream);
    if (frame.error) stream.failure = frame.body || "The answer failed.";
    else if (frame.body) this.#chunk(stream, frame);
    if (frame.done) this.#end(id, stream, frame);
  }

  #chunk(stream: Stream, frame: ResponseFrame): void {
    // A replay may overlap with what came live.
    if (frame.replay && stream.continuation && frame.seq !== undefined && frame.seq <= stream.seq) return;
    let chunk: Chunk;
    try {
      chunk = JSON.parse(frame.body) as Chunk;
    } catch {
      return; // The plain sentence of a turn without an answer, or another dialect.
    }
    if (typeof chunk?.type !== "string") return;
    if (chunk.type === "start" || (frame.replay && frame.seq === 0)) this.#start(stream, chunk);
    stream.fold ??= new Fold(this.#target(stream, undefined));
    stream.fold.apply(chunk);
    if (frame.seq !== undefined) stream.seq = frame.seq;
  }

  #start(stream: Stream, chunk: Chunk): void {
    if (stream.continuation) return;
    const id = chunk.type === "start" && typeof chunk.messageId === "string" ? chunk.messageId : undefined;
    const message = this.#target(stream, id ?? stream.fold?.message.id);
    message.parts.length = 0;
    stream.fold = new Fold(message);
  }

  /** The message that a stream extends: the last answer for a continuation, otherwise the one of this id. */
  #target(stream: Stream, id: string | undefined): Message {
    const last = this.messages.at(-1);
    if (stream.continuation && last?.role === "assistant") return last;
    const known = id === undefined ? undefined : this.messages.find((message) => message.id === id);
    if (known) return known;
    const message: Message = { id: id ?? this.#world.id(), role: "assistant", parts: [] };
    this.messages.push(message);
    return message;
  }

  #end(id: string, stream: Stream, { outcome }: ResponseFrame): void {
    const request = this.#requests.get(id);
    this.#streams.delete(id);
    this.#requests.delete(id);
    if (outcome !== "recovering") this.recovering = false;
    stream.fold?.finish();
    if (outcome === "skipped" && request?.unlisted) {
      this.messages = this.messages.filter((message) => message !== request.message);
      stream.failure = "The message was not taken, because an answer was still being written.";
    }
    if (stream.failure !== null) {
      this.failure = stream.failure;
      this.#events.failed(stream.failure);
    } else if (stream.fold && stream.fold.message.parts.length > 0 && outcome !== "recovering") {
      this.#events.answered(stream.fold.message, outcome ?? "completed");
    }
    if ([...this.#requests.values()].some(({ sent }) => sent === "before")) this.#probe();
  }

  /** The server runs nothing: what this page still waits for has ended unseen, or has never arrived. */
  #nothingRuns(reason: string | undefined): void {
    if (reason !== "idle") return;
    this.recovering = false;
    let missed = false;
    for (const [id, { sent, message }] of this.#requests) {
      if (sent !== "before") continue;
      const arrived = message === null || this.#stored.has(message.id);
      if (!arrived) this.#transmit(id);
      else missed = this.#requests.delete(id);
    }
    if (missed) void this.#readAgain();
  }

  async #readAgain(): Promise<void> {
    const stored = await this.#world.history();
    if (stored && !this.busy && !this.#inbox) this.#adopt(stored);
    this.#events.changed();
  }

  #adopt(list: Message[]): void {
    const messages = list.filter(isMessage);
    this.#stored = new Set(messages.map(({ id }) => id));
    // Of an answer that is being written this page may know more than the list.
    for (const { fold } of this.#streams.values()) {
      if (!fold) continue;
      const at = messages.findIndex(({ id }) => id === fold.message.id);
      if (at < 0) messages.push(fold.message);
      else if (covers(fold.message, messages[at]!)) messages[at] = fold.message;
      else this.#rewrite(fold.message, messages.splice(at, 1, fold.message)[0]!);
    }
    // What was sent and has not arrived yet.
    for (const request of this.#requests.values()) {
      if (!request.message) continue;
      const listed = this.#stored.has(request.message.id);
      if (!listed) messages.push(request.message);
      if (request.sent === "now") request.unlisted = !listed;
    }
    this.messages = messages;
  }

  #update(message: Message): void {
    if (!isMessage(message)) return;
    const calls = new Set(message.parts.map(({ toolCallId }) => toolCallId).filter(Boolean));
    const known =
      this.messages.find(({ id }) => id === message.id) ??
      this.messages.find(({ parts }) => parts.some(({ toolCallId }) => toolCallId && calls.has(toolCallId)));
    if (known) this.#rewrite(known, message);
  }

  /** Takes over the parts; a stream that writes into this message goes on behind them. */
  #rewrite(known: Message, { parts }: Message): void {
    known.parts = parts;
    for (const stream of this.#streams.values()) {
      if (stream.fold?.message === known) stream.fold = new Fold(known);
    }
  }

  #part(toolCallId: string): Part | undefined {
    return this.messages.flatMap(({ parts }) => parts).find((part) => part.toolCallId === toolCallId);
  }

  #empty(): void {
    this.messages = [];
    this.failure = null;
    this.recovering = false;
    this.#streams.clear();
    this.#requests.clear();
    this.#stored.clear();
  }
}

/** Whether `mine` says everything that `theirs` says. */
function covers(mine: Message, theirs: Message): boolean {
  const text = (message: Message): string => message.parts.map((part) => part.text ?? "").join("\0");
  return text(mine).startsWith(text(theirs));
}
