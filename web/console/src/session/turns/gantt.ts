import type { Span, Turn } from "../../api/types.ts";

export interface Bar {
  kind: Span["kind"];
  name: string;
  /** Of the turn's length, from 0 to 1. */
  left: number;
  width: number;
  /** Milliseconds from the turn's acceptance to the start, and from the start to the end. */
  after: number;
  length: number;
  error: string | null;
  open: boolean;
}

export interface Gantt {
  /** Milliseconds from acceptance to the end, or to `now` while the turn runs. */
  length: number;
  /** Of the length, from 0 to 1, where the first chunk came; `null` when none did. */
  first: number | null;
  bars: Bar[];
}

/** What a turn did when. Without spans it is one bar; times that contradict each other are kept inside the turn. */
export function ganttOf(turn: Turn, now: number): Gantt {
  const start = turn.accepted_ms || Math.min(...(turn.spans ?? []).map((span) => span.start_ms), now);
  const lastSpan = Math.max(start, ...(turn.spans ?? []).map((span) => span.end_ms ?? span.start_ms));
  const end = turn.ended_ms || (turn.open ? Math.max(now, lastSpan) : lastSpan);
  const length = Math.max(1, end - start);
  const place = (at: number) => Math.min(Math.max((at - start) / length, 0), 1);
  const bars = (turn.spans ?? []).map((span) => barOf(span, end, start, place));
  return { length, first: turn.first_ms ? place(turn.first_ms) : null, bars };
}

function barOf(span: Span, end: number, start: number, place: (at: number) => number): Bar {
  const until = span.end_ms ?? end;
  const left = place(span.start_ms);
  return {
    kind: span.kind,
    name: span.name,
    left,
    width: Math.max(place(until) - left, 0),
    after: span.start_ms - start,
    length: Math.max(0, until - span.start_ms),
    error: span.error ?? null,
    open: span.end_ms === null,
  };
}

/** Milliseconds from acceptance to the first chunk and to the end; `null` while unknown. */
export function timings(turn: Turn): { first: number | null; whole: number | null } {
  const start = turn.accepted_ms ?? 0;
  const since = (at: number | undefined) => (start && at ? at - start : null);
  return { first: since(turn.first_ms), whole: since(turn.ended_ms) };
}
