import { agentUrl, sessionUrl } from "./address.ts";
import type { Environment } from "./environment.ts";
import { holdSession } from "./hold.ts";
import { isSessionId, makeSessionId } from "./id.ts";
import { Shelf } from "./shelf.ts";

/** Where the id of the tab is kept in `sessionStorage`, for the agent `chat`. */
export const STORAGE_KEY = "cutty-chat-session-id";

/**
 * Who shares a session: one browser tab; all tabs of this browser; one signed-in user, in all tabs of this browser;
 * or one tab as with `tab`, under an id that the server has made.
 */
export type SessionScope = "tab" | "browser" | "user" | "server";

export interface SessionOptions {
  /** The agent's name in addresses; each agent has sessions of its own. Default: `chat`. */
  agent?: string;
  /** Default: `tab`. */
  scope?: SessionScope;
  /** Who is signed in: needed for the scope `user`, ignored otherwise. */
  userId?: string;
  /** The server, for the scope `server` and for erasing: `https://agents.example.com`. Default: the page's own. */
  url?: string;
  /** Key in the storage; two chats with one agent on one page need two. Default: `cutty-{agent}-session-id`. */
  key?: string;
  /**
   * Name of a query parameter that may name the session, for example `session` for `?session=abc`. Such a session is
   * shared on purpose: it is neither stored nor held. Off by default, because with it a link can choose the session.
   */
  parameter?: string;
}

export interface EndOptions extends SessionOptions {
  /** Also delete the conversation on the server. */
  erase?: boolean;
}

/** Gives out the session ids of one page. */
export interface SessionSource {
  /**
   * The id of this scope: the same over reloads and restored tabs; a duplicated tab gets one of its own.
   *
   * Asynchronous, because only other pages of the browser know whether they use an id (at most a second, only after
   * a reload or a duplication), and because the scope `server` asks the server. Without storage the id lives as long
   * as the page. Rejects only where an option is wrong, or the server makes no id.
   */
  getSessionId(options?: SessionOptions): Promise<string>;
  /** Makes a fresh id, which `getSessionId` returns from now on. The old session stays on the server. */
  newSession(options?: SessionOptions): Promise<string>;
  /** Forgets the id. With `erase` the server deletes the conversation first; rejects when it does not. */
  endSession(options?: EndOptions): Promise<void>;
  /**
   * Calls `listener` with every new id of this scope, and with null after its end: of this page, and for the scopes
   * `browser` and `user` of every other tab. Returns the function that ends it.
   */
  onSessionChange(options: SessionOptions, listener: (id: string | null) => void): () => void;
}

/** What the options mean: where an id is kept, and how a new one is made. */
interface Slot {
  shelf: Shelf;
  key: string;
  make(): Promise<string>;
}

export function createSessionSource(environment: Environment): SessionSource {
  const tab = new Shelf(environment.tab);
  const shared = new Shelf(environment.shared);
  const followers = new Set<{ slot: Slot; listener: (id: string | null) => void }>();
  // A page asks more than once, but must not meet its own hold: one answer for each key of the tab.
  const answers = new Map<string, Promise<string>>();

  // A page that goes away leaves a note beside its id. The next page of the same tab finds the note and waits for the
  // hold to end; a duplicated tab copies the storage of a page that is still there, so it finds none.
  environment.onLeave((leaving) => {
    for (const key of answers.keys()) tab.set(key + NOTE, leaving ? tab.get(key) : null);
  });
  environment.onStored((key) => {
    shared.refresh(key);
    tell(shared, key);
  });

  const tell = (shelf: Shelf, key: string | null): void => {
    for (const { slot, listener } of followers) {
      if (slot.shelf === shelf && (!key || slot.key === key)) listener(shelf.get(slot.key));
    }
  };

  const call = async (method: string, address: string): Promise<Response> => {
    const response = await environment.fetch(address, { method, credentials: "include" });
    if (!response.ok) throw new Error(`${method} ${address}: ${response.status}`);
    return response;
  };

  const slotOf = ({ agent = "chat", scope = "tab", userId, url, key }: SessionOptions): Slot => {
    key ??= `cutty-${agent}-session-id`;
    const make = async (): Promise<string> => makeSessionId(environment.now(), environment.randomBytes);
    if (scope === "tab") return { shelf: tab, key, make };
    key += `:${scope}`;
    if (scope === "browser") return { shelf: shared, key, make };
    if (scope === "server") {
      return { shelf: tab, key, make: async () => (await (await call("POST", agentUrl(agent, url))).json()).id };
    }
    if (!userId) throw new TypeError("userId is missing");
    return { shelf: shared, key: `${key}:${userId}`, make: async () => `user-${userId}-session-${environment.now()}` };
  };

  const keep = ({ shelf, key }: Slot, id: string | null): void => {
    shelf.set(key, id);
    tell(shelf, key);
  };

  const fresh = async (slot: Slot): Promise<string> => {
    const id = await slot.make();
    if (!isSessionId(id)) throw new TypeError(`Not a session id: ${id}`);
    if (slot.shelf === tab) void holdSession(environment, id, false); // Nobody else can know it: no need to wait.
    keep(slot, id);
    return id;
  };

  const recall = async (slot: Slot): Promise<string> => {
    const { shelf, key } = slot;
    const stored = shelf.get(key);
    if (!isSessionId(stored)) return fresh(slot);
    if (shelf === shared) return stored;
    const patient = tab.get(key + NOTE) === stored || /reload|back/.test(environment.navigation ?? "");
    tab.set(key + NOTE, null);
    const held = await holdSession(environment, stored, patient);
    const now = tab.get(key); // Not `stored` where a new session was begun while this page waited.
    return now && (held || now !== stored) ? now : fresh(slot);
  };

  const begin = (slot: Slot, how: (slot: Slot) => Promise<string>): Promise<string> => {
    const { shelf, key } = slot;
    const answer = how(slot);
    if (shelf === tab) {
      answers.set(key, answer);
      answer.catch(() => answers.delete(key)); // The next call tries again.
    }
    return answer;
  };

  return {
    async getSessionId(options = {}) {
      const named = options.parameter && new URLSearchParams(environment.search).get(options.parameter);
      if (isSessionId(named)) return named;
      const slot = slotOf(options);
      const { shelf, key } = slot;
      const again = (): Promise<string> => begin(slot, recall);
      // Two tabs opened at once must not make a shared id each, so the one that looks first locks the other out.
      if (shelf === shared && !shared.get(key) && environment.locks) {
        return environment.locks.request(key, again).catch(again);
      }
      return answers.get(key) ?? again();
    },
    async newSession(options = {}) {
      return begin(slotOf(options), fresh);
    },
    async endSession(options = {}) {
      const slot = slotOf(options);
      const id = slot.shelf.get(slot.key);
      if (options.erase && id) await call("DELETE", sessionUrl({ ...options, host: options.url, id }));
      answers.delete(slot.key);
      keep(slot, null);
    },
    onSessionChange(options, listener) {
      const follower = { slot: slotOf(options), listener };
      followers.add(follower);
      return () => {
        followers.delete(follower);
      };
    },
  };
}

const NOTE = ":left";
