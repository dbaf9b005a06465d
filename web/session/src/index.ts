/**
 * A session id for every browser tab, browser or user.
 *
 *     const id = await getSessionId({ agent: "chat", scope: "tab" });
 *     const socket = new WebSocket(websocketUrl({ agent: "chat", id }));
 */
import { browserEnvironment } from "./environment.ts";
import { createSessionSource, type EndOptions, type SessionOptions, type SessionSource } from "./source.ts";

export { type SessionPlace, sessionUrl, websocketUrl } from "./address.ts";
export { isSessionId, makeSessionId } from "./id.ts";
export type { EndOptions, SessionOptions, SessionScope } from "./source.ts";

// The widget and an application may each bring a copy of this code. They must not meet each other's holds, so there is
// one source for the whole page.
const PAGE = Symbol.for("cutty-session/1");

const source = (): SessionSource => {
  if (!globalThis.window) throw new Error("cutty-session needs a browser: call it after mounting");
  const page = globalThis as { [PAGE]?: SessionSource };
  return (page[PAGE] ??= createSessionSource(browserEnvironment()));
};

/** The session id; see {@link SessionSource.getSessionId}. */
export const getSessionId = async (options?: SessionOptions): Promise<string> => source().getSessionId(options);

/** A fresh session id; see {@link SessionSource.newSession}. */
export const newSession = async (options?: SessionOptions): Promise<string> => source().newSession(options);

/** Forgets the session id; see {@link SessionSource.endSession}. */
export const endSession = async (options?: EndOptions): Promise<void> => source().endSession(options);

/** Follows the session id; see {@link SessionSource.onSessionChange}. */
export const onSessionChange: SessionSource["onSessionChange"] = (options, listener) =>
  source().onSessionChange(options, listener);
