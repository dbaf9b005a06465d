import { useCallback, useEffect, useState } from "react";
import { asProblem, type Problem } from "../../api/problem.ts";
import { useAccess } from "../../api/use-api.ts";
import { LineCutter } from "../frame-lines.ts";
import { TailLog } from "./tail-log.ts";

export type TailState = "connecting" | "live" | "ended";

export interface Tailing {
  log: TailLog;
  state: TailState;
  problem: Problem | null;
  again: () => void;
}

/** Follows a session's frames as long as the component is there. */
export function useTail(agent: string, id: string): Tailing {
  const { api } = useAccess();
  const [log] = useState(() => new TailLog());
  const [state, setState] = useState<TailState>("connecting");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const abort = new AbortController();
    setState("connecting");
    setProblem(null);
    const follow = async () => {
      const reader = (await api.tail(agent, id, abort.signal)).getReader();
      if (abort.signal.aborted) return;
      setState("live");
      const cutter = new LineCutter();
      while (true) {
        const { value, done } = await reader.read();
        if (done) break;
        log.add(cutter.push(value), Date.now());
      }
    };
    follow()
      .catch((error: unknown) => {
        if (!abort.signal.aborted) setProblem(asProblem(error));
      })
      .finally(() => {
        if (!abort.signal.aborted) setState("ended");
      });
    return () => abort.abort();
  }, [api, agent, id, log, attempt]);

  const again = useCallback(() => setAttempt((was) => was + 1), []);
  return { log, state, problem, again };
}
