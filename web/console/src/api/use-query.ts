import { useCallback, useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "./problem.ts";

export interface Loaded<T> {
  data: T | null;
  problem: Problem | null;
  loading: boolean;
  /** When `data` came, milliseconds since 1970. */
  at: number;
  reload: () => void;
}

/**
 * Loads on the first use, when `key` changes, on `reload()`, and every `everyMs` while the page can be seen. Older
 * data stays while newer is on its way; with another key it goes, because it would answer another question. Answers
 * that are overtaken are dropped.
 */
export function useQuery<T>(key: string, load: (signal: AbortSignal) => Promise<T>, everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; problem: Problem | null; at: number; loading: boolean }>({
    key,
    data: null,
    problem: null,
    at: 0,
    loading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    const abort = new AbortController();
    setState((was) => ({ ...(was.key === key ? was : { data: null, problem: null, at: 0 }), key, loading: true }));
    latest.current(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) setState({ key, data, problem: null, at: Date.now(), loading: false });
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setState((was) => ({ ...was, key, problem: asProblem(error), loading: false }));
      },
    );
    return () => abort.abort();
  }, [key, turn]);

  const reload = useCallback(() => setTurn((was) => was + 1), []);
  const current = state.key === key;
  const gone = current && state.problem?.status === 404; // It does not come back by asking.
  useEvery(gone ? 0 : everyMs, reload);
  return {
    data: current ? state.data : null,
    problem: current ? state.problem : null,
    loading: !current || state.loading,
    at: state.at,
    reload,
  };
}

/** Calls `run` every `everyMs` milliseconds while the page can be seen, and when it comes back; 0 never. */
export function useEvery(everyMs: number, run: () => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    if (everyMs <= 0) return;
    let missed = false;
    const timer = setInterval(() => {
      if (document.hidden) missed = true;
      else latest.current();
    }, everyMs);
    const seen = () => {
      if (document.hidden || !missed) return;
      missed = false;
      latest.current();
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [everyMs]);
}
