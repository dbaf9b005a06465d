import { Conversation, type ConversationEvents } from "./protocol/conversation.ts";
import { Link, type LinkState } from "./protocol/link.ts";
import type { Message } from "./protocol/message.ts";
import { type Place, socketAddress } from "./protocol/place.ts";

export interface SessionSettings {
  place: Place;
  id: string;
  /** Asked before every connection and every request, so a token may be short-lived. */
  token: () => Promise<string | null>;
  /** Whether a refused token can be replaced by asking again. */
  renewable: boolean;
  /** Whether plain requests carry cookies, as for `fetch`; undefined finds out what the server permits. */
  credentials: RequestCredentials | undefined;
}

export interface SessionEvents extends ConversationEvents {
  /** The server has refused the connection for good. */
  refused(code: number, reason: string): void;
}

/** Before the server has said anything it may be about to refuse; then its history is none of our business. */
const GREETING_MS = 1000;

/** One session on the wire: its connection and its conversation. */
export class ChatSession {
  readonly id: string;
  readonly conversation: Conversation;
  /** Why the server has refused, until the next attempt. */
  refusal: { code: number; reason: string } | null = null;

  readonly #link: Link;
  readonly #settings: SessionSettings;
  readonly #connection = crypto.randomUUID?.() ?? String(Math.random());
  #greeting: ReturnType<typeof setTimeout> | undefined;
  #renewed = false;
  #withoutCookies = false;

  constructor(settings: SessionSettings, events: SessionEvents) {
    this.id = settings.id;
    this.#settings = settings;
    this.#link = new Link(
      async () => socketAddress(settings.place, settings.id, this.#connection, await settings.token()),
      {
        state: (state) => {
          if (state === "open") this.#greeting = setTimeout(() => this.#greeted(), GREETING_MS);
          else this.#gone();
          events.changed();
        },
        frame: (frame) => {
          this.#greeted();
          this.conversation.receive(frame);
        },
        refused: (code, reason) => {
          // A token may have run out while the page was open: ask for another, once.
          if (code === 4401 && settings.renewable && !this.#renewed) {
            this.#renewed = true;
            this.#link.open();
            return;
          }
          this.refusal = { code, reason };
          events.refused(code, reason);
          events.changed();
        },
      },
    );
    this.conversation = new Conversation(this.#link, events, {
      history: () => this.#history(),
      id: () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`,
    });
    addEventListener("online", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
  }

  get state(): LinkState {
    return this.#link.state;
  }

  open(): void {
    this.refusal = null;
    this.#link.open();
  }

  close(): void {
    removeEventListener("online", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
    this.#link.close();
  }

  /** The network or the visitor is back: no need to sit out the pause. */
  readonly #wake = (): void => {
    if (this.#link.state === "waiting" && !document.hidden) this.#link.open();
  };

  #greeted(): void {
    if (this.#greeting === undefined) return;
    this.#gone(false);
    this.#renewed = false;
    void this.conversation.connected();
  }

  #gone(lost = true): void {
    clearTimeout(this.#greeting);
    this.#greeting = undefined;
    if (lost) this.conversation?.disconnected();
  }

  async #history(): Promise<Message[] | null> {
    const { place, id, token } = this.#settings;
    try {
      const bearer = await token();
      const headers: HeadersInit = { Accept: "application/json" };
      if (bearer) headers.Authorization = `Bearer ${bearer}`;
      const response = await this.#fetch(`${place.url}/${encodeURIComponent(id)}/get-messages`, headers, bearer !== null);
      const messages: unknown = response.ok ? await response.json() : null;
      return Array.isArray(messages) ? (messages as Message[]) : null;
    } catch {
      return null; // What is on the page stays; the next connection asks again.
    }
  }

  /**
   * A request as the one who owns the socket: with the token, or else with the cookies that the socket has sent too.
   * A server that lets in every origin takes no cookies, and a browser refuses its answer when some were sent.
   */
  async #fetch(address: string, headers: HeadersInit, authorized: boolean): Promise<Response> {
    const credentials = this.#settings.credentials ?? (authorized || this.#withoutCookies ? "same-origin" : "include");
    try {
      return await fetch(address, { credentials, headers });
    } catch (error) {
      if (credentials !== "include" || this.#settings.credentials) throw error;
      const response = await fetch(address, { credentials: "same-origin", headers });
      this.#withoutCookies = true;
      return response;
    }
  }
}
