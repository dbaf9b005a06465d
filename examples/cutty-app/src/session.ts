/** Which chat session this page is in: `cutty-session` knows, this file tells it who is signed in. */
import { type SessionScope } from "cutty-session";
import { type CuttySession, useCuttySession } from "cutty-session/react";
import { useCallback, useEffect, useState } from "react";
import { SERVERS } from "./choices.ts";
import { userToken } from "./token.ts";

export type Scope = SessionScope;

/**
 * The session of this scope. Ids are kept for each user, so who signs in next in the same tab starts anew, and whoever
 * comes back finds the old conversation.
 */
export function useSession(userId: string, scope: Scope): CuttySession {
  const session = useCuttySession({
    agent: "chat",
    scope,
    userId,
    url: SERVERS.after,
    key: `cutty-chat-session-id:${userId}`,
  });
  const begin = session.newSession;
  const newSession = useCallback(async () => {
    await userToken();
    return begin();
  }, [begin]);
  return { ...session, newSession };
}

/** Whether the page has a token by now: the agent server makes no session for nobody. Throws when there is none. */
export function useAdmission(): boolean {
  const [state, setState] = useState<true | Error>();
  useEffect(() => {
    userToken().then(() => setState(true), setState);
  }, []);
  if (state instanceof Error) throw state;
  return state === true;
}
