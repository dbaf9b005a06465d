export interface Window {
  /** Index of the first row to draw. */
  first: number;
  /** Index after the last row to draw. */
  end: number;
}

/** The rows of `count`, each `rowHeight` pixels high, that a viewport shows, and `spare` more on both sides. */
export function visibleWindow(
  scrollTop: number,
  viewport: number,
  rowHeight: number,
  count: number,
  spare = 8,
): Window {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight) - spare;
  const end = Math.ceil((Math.max(0, scrollTop) + Math.max(0, viewport)) / rowHeight) + spare;
  return { first: clamp(first, 0, count), end: clamp(end, 0, count) };
}

/** Where to scroll so that a row can be seen whole; the same place when it can be. */
export function scrollToShow(row: number, scrollTop: number, viewport: number, rowHeight: number): number {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewport) return top + rowHeight - viewport;
  return scrollTop;
}

/** The row a key moves to from `row` in a list of `count`; `null` for a key that does not move. */
export function rowAfterKey(key: string, row: number, count: number, page: number): number | null {
  if (count === 0) return null;
  const moves: Record<string, number> = {
    ArrowDown: row + 1,
    j: row + 1,
    ArrowUp: row - 1,
    k: row - 1,
    PageDown: row + page,
    PageUp: row - page,
    Home: 0,
    End: count - 1,
  };
  const to = moves[key];
  return to === undefined ? null : clamp(to, 0, count - 1);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
