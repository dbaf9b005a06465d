/** One page of a list as the server gave it. `after` is the cursor it was asked with, `null` for the first. */
export interface Page<Row> {
  after: string | null;
  rows: readonly Row[];
  next: string | null;
}

/** All rows in order, each once: a row that has moved between two requests may be on two pages. */
export function rowsOf<Row>(pages: readonly Page<Row>[], key: (row: Row) => string): Row[] {
  const seen = new Set<string>();
  const rows: Row[] = [];
  for (const page of pages) {
    for (const row of page.rows) {
      const name = key(row);
      if (seen.has(name)) continue;
      seen.add(name);
      rows.push(row);
    }
  }
  return rows;
}

/**
 * Puts in a page that was loaded again, or appends one. Where it does not lead to the page that follows any more, that
 * one and all after it go, because rows between the two would be missing; they are loaded again when they are wanted.
 */
export function withPage<Row>(pages: readonly Page<Row>[], page: Page<Row>): Page<Row>[] {
  const index = pages.findIndex(({ after }) => after === page.after);
  if (index < 0) return pages.at(-1)?.next === page.after || pages.length === 0 ? [...pages, page] : [...pages];
  const following = pages[index + 1];
  const rest = following && following.after === page.next ? pages.slice(index + 1) : [];
  return [...pages.slice(0, index), page, ...rest];
}

/** The page that a row of the whole list is on. */
export function pageOfRow<Row>(pages: readonly Page<Row>[], row: number): number {
  let before = 0;
  for (const [index, page] of pages.entries()) {
    before += page.rows.length;
    if (row < before) return index;
  }
  return Math.max(0, pages.length - 1);
}

/** Rows before the end at which the next page is asked for. */
const AHEAD = 60;

/** The cursor of the page to load when the rows before `end` are seen; `null` when there is enough, or no more. */
export function pageToLoad<Row>(pages: readonly Page<Row>[], end: number): string | null {
  const loaded = pages.reduce((sum, page) => sum + page.rows.length, 0);
  return end > loaded - AHEAD ? (pages.at(-1)?.next ?? null) : null;
}
