import { type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { rowAfterKey, scrollToShow, visibleWindow } from "./window.ts";

export interface Column<Row> {
  /** Names the column to the style sheet, as `cell-{id}`. */
  id: string;
  head: string;
  cell: (row: Row) => ReactNode;
  number?: boolean;
  /** What to sort by when the head is clicked. */
  sort?: string;
}

interface Props<Row> {
  label: string;
  testId: string;
  /** Names the widths of the columns to the style sheet, as `grid-{layout}`. */
  layout: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** Pixels; every row has the same height, which is what makes ten thousand of them cheap. */
  rowHeight: number;
  /** Draws a whole row for narrow screens instead of cells. */
  compactRow?: ((row: Row) => ReactNode) | undefined;
  sorted?: { by: string; order: "asc" | "desc" };
  onSort?: (by: string) => void;
  onOpen: (row: Row) => void;
  /** The rows that can be seen, when they change. */
  onSeen?: (first: number, end: number) => void;
  /** More rows follow those that are loaded. */
  more: boolean;
  children?: ReactNode;
}

const NOTHING = -1;
/** Pixels of the row of heads, which stays at the top of what is scrolled. */
const HEAD = 36;

/** A table that draws only what can be seen. One stop for Tab; arrows, Home, End, Page keys, j and k move, Enter opens. */
export function VirtualTable<Row>(props: Props<Row>) {
  const { label, testId, layout, columns, rows, rowKey, rowHeight, compactRow, sorted, onSort, onOpen, onSeen, more } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [activeKey, setActiveKey] = useState<string | null>(null);
  const [guess, setGuess] = useState(NOTHING);
  const id = useId();
  const head = compactRow ? 0 : HEAD;

  // The row that is chosen stays the same row when others come before it.
  const active = activeKey === null ? NOTHING : keyAt(rows, rowKey, guess, activeKey);
  const { first, end } = visibleWindow(view.top, view.height, rowHeight, rows.length);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight - head });
    measure();
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    return () => resized.disconnect();
  }, [head]);

  const latestSeen = useRef(onSeen);
  latestSeen.current = onSeen;
  useEffect(() => latestSeen.current?.(first, end), [first, end, rows.length]);

  const choose = (row: number) => {
    const element = scroller.current;
    const chosen = rows[row];
    if (!element || chosen === undefined) return;
    setActiveKey(rowKey(chosen));
    setGuess(row);
    element.scrollTop = scrollToShow(row, element.scrollTop, element.clientHeight - head, rowHeight);
    setView({ top: element.scrollTop, height: element.clientHeight - head });
  };

  const pressed = (event: KeyboardEvent) => {
    if (event.target !== scroller.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const chosen = rows[active];
    if (event.key === "Enter" && chosen !== undefined) {
      event.preventDefault();
      onOpen(chosen);
      return;
    }
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
    const to = rowAfterKey(event.key, active, rows.length, page);
    if (to === null) return;
    event.preventDefault();
    choose(to);
  };

  return (
    <div className={`vtable grid-${layout}`} data-testid={testId} data-rows={rows.length} data-more={more || undefined}>
      <div
        ref={scroller}
        className="vtable-scroll"
        role="grid"
        aria-label={label}
        aria-rowcount={more ? -1 : rows.length + (compactRow ? 0 : 1)}
        aria-activedescendant={active >= first && active < end ? `${id}-${active}` : undefined}
        tabIndex={0}
        onKeyDown={pressed}
        onFocus={(event) => {
          if (event.target === scroller.current && active === NOTHING && rows[first] !== undefined) {
            setActiveKey(rowKey(rows[Math.ceil(view.top / rowHeight)] ?? rows[first]));
            setGuess(Math.ceil(view.top / rowHeight));
          }
        }}
        onScroll={({ currentTarget }) => setView({ top: currentTarget.scrollTop, height: currentTarget.clientHeight - head })}
      >
        {!compactRow && (
          <div className="vtable-heads" role="rowgroup">
            <div className="vtable-head" role="row" aria-rowindex={1}>
              {columns.map((column) => (
                <Head key={column.id} column={column} sorted={sorted} onSort={onSort} />
              ))}
            </div>
          </div>
        )}
        <div className="vtable-space" role="rowgroup" style={{ height: rows.length * rowHeight }}>
          {rows.slice(first, end).map((row, offset) => {
            const index = first + offset;
            return (
              <div
                key={rowKey(row)}
                id={`${id}-${index}`}
                className={compactRow ? "vrow vrow-compact" : "vrow"}
                role="row"
                aria-rowindex={index + (compactRow ? 1 : 2)}
                aria-selected={index === active}
                data-key={rowKey(row)}
                style={{ height: rowHeight, transform: `translateY(${index * rowHeight}px)` }}
                onClick={(event) => {
                  if (event.target instanceof Element && event.target.closest("a, button")) return;
                  if (getSelection()?.isCollapsed === false) return; // Somebody marks text to copy it.
                  onOpen(row);
                }}
              >
                {compactRow ? (
                  <div role="gridcell" className="vcell-compact">
                    {compactRow(row)}
                  </div>
                ) : (
                  columns.map((column) => (
                    <div key={column.id} role="gridcell" className={`vcell cell-${column.id}${column.number ? " number" : ""}`}>
                      {column.cell(row)}
                    </div>
                  ))
                )}
              </div>
            );
          })}
        </div>
      </div>
      {props.children}
    </div>
  );
}

function Head<Row>({ column, sorted, onSort }: { column: Column<Row> } & Pick<Props<Row>, "sorted" | "onSort">) {
  const { sort, head } = column;
  const current = sort !== undefined && sorted?.by === sort ? sorted.order : null;
  const className = `vcell cell-${column.id}${column.number ? " number" : ""}`;
  if (sort === undefined || !onSort) {
    return (
      <div role="columnheader" className={className}>
        {head}
      </div>
    );
  }
  return (
    <div role="columnheader" className={className} aria-sort={current === null ? "none" : `${current}ending`}>
      <button
        type="button"
        className="sort"
        data-testid={`sort-${sort}`}
        data-current={current ?? undefined}
        title={`Sort by ${head.toLowerCase()}`}
        onClick={() => onSort(sort)}
      >
        {head}
        <span aria-hidden="true">{current === "asc" ? " ↑" : current === "desc" ? " ↓" : ""}</span>
      </button>
    </div>
  );
}

/** Where the row with this key is: where it was, or anywhere else, or nowhere. */
function keyAt<Row>(rows: readonly Row[], rowKey: (row: Row) => string, guess: number, key: string): number {
  const there = rows[guess];
  if (there !== undefined && rowKey(there) === key) return guess;
  return rows.findIndex((row) => rowKey(row) === key);
}
