import type { ClientFrame, ServerFrame } from "./frames.ts";
import { readFrame } from "./frames.ts";

export type LinkState = "connecting" | "open" | "waiting" | "closed";

export interface LinkEvents {
  state(state: LinkState): void;
  frame(frame: ServerFrame): void;
  /** The server has refused for good; nothing is tried again until `open`. */
  refused(code: number, reason: string): void;
}

/** What a link needs of the browser; tests bring their own. */
export interface LinkWorld {
  WebSocket: new (url: string) => WebSocket;
  setTimeout(run: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
  random(): number;
}

const FIRST_MS = 400;
const GROWTH = 1.6;
const LONGEST_MS = 10_000;
/** Longer than a server may take to accept; a half-open connection is given up after this. */
const CONNECT_MS = 8000;
/** A connection that lasted so long counts as one that worked. */
const STABLE_MS = 5000;

/**
 * A WebSocket that comes back by itself until the server says that it shall not (1008, 1009, 4000 to 4999).
 *
 * The pauses grow from under a second to ten, differently in every tab, so that after a restart of the server not
 * everyone knocks at once. Frames can only be sent while it is open: what was lost is for the conversation to decide.
 */
export class Link {
  readonly #address: () => Promise<string>;
  readonly #events: LinkEvents;
  readonly #world: LinkWorld;
  #socket: WebSocket | null = null;
  #timer: unknown;
  #tries = 0;
  #state: LinkState = "closed";
  /** Counts the attempts; an answer to an earlier one is of no interest any more. */
  #attempt = 0;

  constructor(address: () => Promise<string>, events: LinkEvents, world: LinkWorld = browserWorld) {
    this.#address = address;
    this.#events = events;
    this.#world = world;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Connects now, whatever the pause; does nothing while a connection is open or on its way. */
  open(): void {
    if (this.#state === "open" || this.#state === "connecting") return;
    this.#world.clearTimeout(this.#timer);
    void this.#connect();
  }

  /** Ends the connection and every attempt. */
  close(): void {
    this.#drop();
    this.#enter("closed");
  }

  /** Sends, or returns false where there is no connection. */
  send(frame: ClientFrame): boolean {
    if (this.#state !== "open") return false;
    this.#socket!.send(JSON.stringify(frame));
    return true;
  }

  async #connect(): Promise<void> {
    const attempt = ++this.#attempt;
    this.#enter("connecting");
    let socket: WebSocket;
    try {
      const address = await this.#address();
      if (attempt !== this.#attempt) return;
      socket = new this.#world.WebSocket(address);
    } catch (error) {
      if (attempt === this.#attempt) this.#refuse(0, error instanceof Error ? error.message : String(error));
      return;
    }
    this.#socket = socket;
    this.#timer = this.#world.setTimeout(() => this.#lost(), CONNECT_MS);
    socket.onopen = () => {
      if (attempt !== this.#attempt) return;
      this.#world.clearTimeout(this.#timer);
      this.#timer = this.#world.setTimeout(() => {
        this.#tries = 0;
      }, STABLE_MS);
      this.#enter("open");
    };
    socket.onmessage = ({ data }) => {
      const frame = attempt === this.#attempt ? readFrame(data) : null;
      if (frame) this.#events.frame(frame);
    };
    socket.onclose = ({ code, reason }) => {
      if (attempt !== this.#attempt) return;
      // 1009: the same frame would be too large again.
      if (code === 1008 || code === 1009 || (code >= 4000 && code < 5000)) this.#refuse(code, reason);
      else this.#lost();
    };
  }

  #lost(): void {
    this.#drop();
    const pause = Math.min(FIRST_MS * GROWTH ** this.#tries++, LONGEST_MS) * (0.75 + this.#world.random() / 2);
    this.#timer = this.#world.setTimeout(() => void this.#connect(), pause);
    this.#enter("waiting");
  }

  #refuse(code: number, reason: string): void {
    this.#drop();
    this.#enter("closed");
    this.#events.refused(code, reason);
  }

  #drop(): void {
    this.#attempt += 1;
    this.#world.clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  #enter(state: LinkState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#events.state(state);
  }
}

const browserWorld: LinkWorld = {
  WebSocket: globalThis.WebSocket,
  setTimeout: (run, milliseconds) => setTimeout(run, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as number),
  random: Math.random,
};
