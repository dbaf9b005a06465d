import { useCallback, useEffect, useState } from "react";
import {
  type EndOptions,
  endSession,
  getSessionId,
  newSession,
  onSessionChange,
  type SessionOptions,
} from "./index.ts";

export interface CuttySession {
  /** The session id; undefined on the server, until the component has mounted, and after `endSession`. */
  id: string | undefined;
  /** Whether there is an id. */
  ready: boolean;
  /** Why there is none: a wrong option, or a server that makes none. */
  error: Error | undefined;
  /** Begins a new conversation; the old one stays on the server. */
  newSession: () => Promise<string>;
  /** Forgets the id; with `{ erase: true }` the server deletes the conversation too. */
  endSession: (options?: Pick<EndOptions, "erase">) => Promise<void>;
}

/** The session of this component's tab, browser or user; every component with the same options has the same one. */
export function useCuttySession(options: SessionOptions = {}): CuttySession {
  const { agent, scope, userId, url, key, parameter } = options;
  const [state, setState] = useState<{ id?: string; error?: Error }>({});

  useEffect(() => {
    const wanted = { agent, scope, userId, url, key, parameter };
    let stale = false;
    let end = (): void => {};
    const begin = async (): Promise<void> => {
      end = onSessionChange(wanted, (id) => {
        stale = true; // Newer than the answer that may still be on its way.
        setState(id === null ? {} : { id });
      });
      const id = await getSessionId(wanted);
      if (!stale) setState({ id });
    };
    begin().catch((error: unknown) => {
      if (!stale) setState({ error: error as Error });
    });
    return () => {
      stale = true;
      end();
      setState({});
    };
  }, [agent, scope, userId, url, key, parameter]);

  const renew = useCallback(
    () => newSession({ agent, scope, userId, url, key }),
    [agent, scope, userId, url, key],
  );
  const finish = useCallback(
    ({ erase }: Pick<EndOptions, "erase"> = {}) => endSession({ agent, scope, userId, url, key, erase }),
    [agent, scope, userId, url, key],
  );
  return { id: state.id, ready: state.id !== undefined, error: state.error, newSession: renew, endSession: finish };
}
