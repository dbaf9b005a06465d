import { useMemo } from "react";
import type { Overview, Percentiles, Point } from "../api/types.ts";
import { Chart } from "../charts/Chart.tsx";
import type { Series } from "../charts/series.ts";
import { compact, count, duration, money, share } from "../format/format.ts";

const CENT = 10_000_000;
const SHORT_MS = 20;

interface Props {
  overview: Overview;
  theme: string;
  onZoom: (from: number, to: number) => void;
}

/** Everything that is counted, over time. */
export function Charts({ overview, theme, onZoom }: Props) {
  const { points, totals, step } = overview;
  const series = useMemo(() => seriesOf(points), [points]);
  const at = useMemo(() => points.map((point) => point.at), [points]);
  const shared = { at, step, theme, onZoom };
  return (
    <section className="charts" aria-label="Over time">
      <Chart {...shared} title="Turns" testId="chart-turns" shape="bars" whole format={compact} series={series.turns} total={count(totals.turns)} />
      <Chart
        {...shared}
        title="Sessions"
        testId="chart-sessions"
        shape="lines"
        whole
        format={compact}
        series={series.sessions}
        total={`${count(totals.sessions_active)} active, ${count(totals.sessions_created)} new`}
      />
      <Chart
        {...shared}
        title="First chunk"
        testId="chart-first"
        shape="lines"
        least={SHORT_MS}
        format={duration}
        series={series.first}
        total={percentiles(totals.first_ms)}
      />
      <Chart
        {...shared}
        title="Duration of a turn"
        testId="chart-duration"
        shape="lines"
        least={SHORT_MS}
        format={duration}
        series={series.durations}
        total={percentiles(totals.duration_ms)}
      />
      <Chart
        {...shared}
        title="Tokens"
        testId="chart-tokens"
        shape="bars"
        whole
        format={compact}
        series={series.tokens}
        total={`${compact(totals.input_tokens)} in, ${compact(totals.output_tokens)} out`}
      />
      <Chart {...shared} title="Cost" testId="chart-cost" shape="bars" least={CENT} format={money} series={series.cost} total={money(totals.cost_nano)} />
      <Chart
        {...shared}
        title="Errors and stops"
        testId="chart-errors"
        shape="bars"
        whole
        format={compact}
        series={series.errors}
        total={`${count(totals.errors)} failed (${share(totals.errors, totals.turns)})`}
      />
      <Chart
        {...shared}
        title="At the same time"
        testId="chart-peaks"
        shape="lines"
        whole
        format={compact}
        series={series.peaks}
        total={`at most ${count(totals.peak_running)} turns, ${count(totals.peak_sockets)} sockets`}
      />
    </section>
  );
}

type Counted = "turns" | "errors" | "aborted" | "sessions_created" | "sessions_active" | "sessions_returning";

function seriesOf(points: readonly Point[]) {
  const of = (label: string, colour: string, pick: (point: Point) => number | null): Series => ({
    label,
    colour: `--chart-${colour}`,
    values: points.map(pick),
  });
  const counted = (label: string, colour: string, name: Counted | "sessions_expired" | "peak_running" | "peak_sockets") =>
    of(label, colour, (point) => point[name]);
  const ranks = (name: "first_ms" | "duration_ms") => [
    of("p50", "1", (point) => point[name]?.p50 ?? null),
    of("p95", "2", (point) => point[name]?.p95 ?? null),
    of("p99", "3", (point) => point[name]?.p99 ?? null),
  ];
  return {
    turns: [
      of("completed", "1", ({ turns, errors, aborted }) => Math.max(0, turns - errors - aborted)),
      counted("stopped", "2", "aborted"),
      counted("failed", "bad", "errors"),
    ],
    sessions: [
      counted("active", "1", "sessions_active"),
      counted("new", "2", "sessions_created"),
      counted("returning", "3", "sessions_returning"),
      counted("expired", "4", "sessions_expired"),
    ],
    first: ranks("first_ms"),
    durations: ranks("duration_ms"),
    tokens: [of("in", "1", (point) => point.input_tokens), of("out", "2", (point) => point.output_tokens)],
    cost: [of("cost", "1", (point) => point.cost_nano)],
    errors: [counted("stopped", "2", "aborted"), counted("failed", "bad", "errors")],
    peaks: [counted("turns", "1", "peak_running"), counted("sockets", "2", "peak_sockets")],
  };
}

function percentiles(of: Percentiles | null): string {
  return of ? `p50 ${duration(of.p50)}, p95 ${duration(of.p95)}` : "no turns";
}
