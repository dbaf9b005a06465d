/**
 * A session id for every browser tab.
 *
 *     const name = await getSessionId({ scope: "tab" });
 *     const agent = useAgent({ agent: "chat", name });
 */
import { browserEnvironment } from "./environment.ts";
import { createSessionSource, type SessionOptions, type SessionSource } from "./source.ts";

export type { Environment, NavigationKind, TabChannel, TabStorage } from "./environment.ts";
export { HANDOVER_MS, OBJECTION_MS } from "./hold.ts";
export { isSessionId, makeSessionId, RANDOM_LENGTH } from "./id.ts";
export { createSessionSource, STORAGE_KEY, type SessionOptions, type SessionSource } from "./source.ts";

let page: SessionSource | undefined;

function source(): SessionSource {
  page ??= createSessionSource(browserEnvironment());
  return page;
}

/** The session id of this tab; see {@link SessionSource.getSessionId}. */
export function getSessionId(options?: SessionOptions): Promise<string> {
  return source().getSessionId(options);
}

/** A fresh session id for this tab; see {@link SessionSource.newSession}. */
export function newSession(options?: SessionOptions): Promise<string> {
  return source().newSession(options);
}
