import { getSessionId } from "cutty-session";
import { type Dispatch, type SetStateAction, useEffect, useState } from "react";

/** The session of this tab, or null for the moment it takes to find out whether another tab uses it. */
export function useSessionId(): [string | null, Dispatch<SetStateAction<string | null>>] {
  const [sessionId, setSessionId] = useState<string | null>(null);
  useEffect(() => {
    let current = true;
    void getSessionId({ scope: "tab", parameter: "session" }).then((id) => {
      if (current) setSessionId(id);
    });
    return () => {
      current = false;
    };
  }, []);
  return [sessionId, setSessionId];
}
