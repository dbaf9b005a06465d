import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { asProblem, type Problem } from "../api/problem.ts";
import { useEvery } from "../api/use-query.ts";
import { type Page, pageOfRow, pageToLoad, rowsOf, withPage } from "./pages.ts";

export interface Paged<Row> {
  rows: readonly Row[];
  /** Whether there are rows after those that are loaded. */
  more: boolean;
  /** Nothing is loaded yet. */
  loading: boolean;
  problem: Problem | null;
  /** To be told which rows are seen: the next page is loaded in time, and what is seen is what is refreshed. */
  onSeen: (first: number, end: number) => void;
  /** Load again from the first page. */
  reload: () => void;
}

interface State<Row> {
  key: string;
  pages: Page<Row>[];
  problem: Problem | null;
}

/** A list that is loaded page by page as it is scrolled, and whose visible page is loaded again every `everyMs`. */
export function usePages<Row>(
  key: string,
  rowKey: (row: Row) => string,
  load: (after: string | null, signal: AbortSignal) => Promise<{ rows: readonly Row[]; next: string | null }>,
  everyMs = 0,
): Paged<Row> {
  const [state, setState] = useState<State<Row>>({ key, pages: [], problem: null });
  const current = useRef<{ key: string; pages: Page<Row>[]; abort: AbortController; busy: boolean; seen: [number, number] }>(null);
  const latest = useRef(load);
  latest.current = load;

  const fetchPage = useCallback((after: string | null, fresh = false) => {
    const mine = current.current;
    if (!mine || mine.busy) return;
    mine.busy = true;
    const { signal } = mine.abort;
    latest.current(after, signal).then(
      ({ rows, next }) => {
        if (signal.aborted) return;
        mine.busy = false;
        const page = { after, rows, next };
        mine.pages = fresh ? [page] : withPage(mine.pages, page);
        setState({ key: mine.key, pages: mine.pages, problem: null });
        // Somebody may have scrolled on meanwhile.
        const following = pageToLoad(mine.pages, mine.seen[1]);
        if (following !== null) fetchPage(following);
      },
      (error: unknown) => {
        if (signal.aborted) return;
        mine.busy = false;
        setState({ key: mine.key, pages: mine.pages, problem: asProblem(error) });
      },
    );
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    current.current = { key, pages: [], abort, busy: false, seen: [0, 0] };
    fetchPage(null, true);
    return () => abort.abort();
  }, [key, fetchPage]);

  const onSeen = useCallback(
    (first: number, end: number) => {
      const mine = current.current;
      if (!mine) return;
      mine.seen = [first, end];
      const following = pageToLoad(mine.pages, end);
      if (following !== null) fetchPage(following);
    },
    [fetchPage],
  );

  useEvery(everyMs, () => {
    const mine = current.current;
    if (!mine) return;
    const [first, end] = mine.seen;
    const page = mine.pages[pageOfRow(mine.pages, Math.floor((first + end) / 2))];
    fetchPage(page?.after ?? null);
  });

  const reload = useCallback(() => fetchPage(null, true), [fetchPage]);
  const known = state.key === key;
  const rows = useMemo(() => (known ? rowsOf(state.pages, rowKey) : []), [known, state.pages, rowKey]);
  return {
    rows,
    more: known && Boolean(state.pages.at(-1)?.next),
    loading: !known || (state.pages.length === 0 && !state.problem),
    problem: known ? state.problem : null,
    onSeen,
    reload,
  };
}
