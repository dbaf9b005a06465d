import type { Environment, TabStorage } from "./environment.ts";
import { holdSession } from "./hold.ts";
import { isSessionId, makeSessionId } from "./id.ts";

/** Where the id of the tab is kept in `sessionStorage`. */
export const STORAGE_KEY = "cutty-chat-session-id";

export interface SessionOptions {
  /** Each browser tab has a session of its own. */
  scope: "tab";
  /** Key in `sessionStorage`; several chats on one page need several keys. Default: `cutty-chat-session-id`. */
  key?: string;
  /**
   * Name of a query parameter that may name the session, for example `session` for `?session=abc`. Such a session is
   * shared on purpose: it is neither stored nor held. Off by default, because with it a link can choose the session.
   */
  parameter?: string;
}

/** Gives out the session ids of one page. */
export interface SessionSource {
  /**
   * The id of this tab: the same over reloads and restored tabs, another one in a duplicated tab.
   * Resolves at once, except for a moment (at most a second) while it finds out whether another tab uses the id.
   * Never rejects: without storage the id lives as long as the page.
   */
  getSessionId(options?: SessionOptions): Promise<string>;
  /** Gives the tab a fresh id, which `getSessionId` returns from now on. The old session stays on the server. */
  newSession(options?: SessionOptions): Promise<string>;
}

export function createSessionSource(environment: Environment): SessionSource {
  // A page asks more than once, but must not meet its own hold: one answer per key.
  const answers = new Map<string, Promise<string>>();

  const fresh = (key: string): string => {
    const id = makeSessionId(environment.now(), environment.randomBytes);
    store(environment.storage, key, id);
    void holdSession(environment, id, false); // Nobody else can know the new id, so there is nothing to wait for.
    return id;
  };

  const recall = async (key: string): Promise<string> => {
    const stored = read(environment.storage, key);
    const replaced = read(environment.storage, leftKey(key)) === stored && stored !== null;
    forget(environment.storage, leftKey(key));
    markLeaving(environment, key);
    if (!isSessionId(stored)) return fresh(key);
    const patient = replaced || environment.navigation === "reload" || environment.navigation === "back_forward";
    return (await holdSession(environment, stored, patient)) ? stored : fresh(key);
  };

  return {
    getSessionId(options = { scope: "tab" }) {
      const named = options.parameter ? new URLSearchParams(environment.search).get(options.parameter) : null;
      if (isSessionId(named)) return Promise.resolve(named);
      const key = options.key ?? STORAGE_KEY;
      const answer = answers.get(key) ?? recall(key);
      answers.set(key, answer);
      return answer;
    },
    newSession(options = { scope: "tab" }) {
      const key = options.key ?? STORAGE_KEY;
      const answer = Promise.resolve(fresh(key));
      answers.set(key, answer);
      return answer;
    },
  };
}

/**
 * A page that goes away leaves a note beside its id. The next page of the same tab finds the note and waits for the
 * hold to end; a duplicated tab copies the storage of a page that is still there, so it finds none.
 */
function markLeaving(environment: Environment, key: string): void {
  environment.onLeave(
    () => {
      const id = read(environment.storage, key);
      if (id !== null) store(environment.storage, leftKey(key), id);
    },
    () => forget(environment.storage, leftKey(key)),
  );
}

function leftKey(key: string): string {
  return `${key}:left`;
}

function read(storage: TabStorage | null, key: string): string | null {
  try {
    return storage?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

function store(storage: TabStorage | null, key: string, value: string): void {
  try {
    storage?.setItem(key, value);
  } catch {
    // Blocked or full: the id lives as long as the page.
  }
}

function forget(storage: TabStorage | null, key: string): void {
  try {
    storage?.removeItem(key);
  } catch {
    // As above.
  }
}
