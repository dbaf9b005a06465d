import { useState } from "react";
import type { Overview, Sums } from "../api/types.ts";
import { pointLabel } from "../charts/series.ts";
import { count, duration, money } from "../format/format.ts";

const COLUMNS: { name: string; show: (sums: Sums) => string }[] = [
  { name: "Turns", show: (sums) => count(sums.turns) },
  { name: "Failed", show: (sums) => count(sums.errors) },
  { name: "Stopped", show: (sums) => count(sums.aborted) },
  { name: "Messages", show: (sums) => count(sums.messages) },
  { name: "New sessions", show: (sums) => count(sums.sessions_created) },
  { name: "Active", show: (sums) => count(sums.sessions_active) },
  { name: "Returning", show: (sums) => count(sums.sessions_returning) },
  { name: "Expired", show: (sums) => count(sums.sessions_expired) },
  { name: "Tokens in", show: (sums) => count(sums.input_tokens) },
  { name: "Tokens out", show: (sums) => count(sums.output_tokens) },
  { name: "Cost", show: (sums) => money(sums.cost_nano) },
  { name: "First p50", show: (sums) => duration(sums.first_ms?.p50) },
  { name: "First p95", show: (sums) => duration(sums.first_ms?.p95) },
  { name: "First p99", show: (sums) => duration(sums.first_ms?.p99) },
  { name: "Duration p50", show: (sums) => duration(sums.duration_ms?.p50) },
  { name: "Duration p95", show: (sums) => duration(sums.duration_ms?.p95) },
  { name: "Duration p99", show: (sums) => duration(sums.duration_ms?.p99) },
  { name: "Peak turns", show: (sums) => count(sums.peak_running) },
  { name: "Peak sockets", show: (sums) => count(sums.peak_sockets) },
];

/** The same figures as the charts, for those who read tables. */
export function FigureTable({ overview }: { overview: Overview }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="panel" onToggle={(event) => setOpen(event.currentTarget.open)} data-testid="figures">
      <summary>All figures as a table</summary>
      {open && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Figures">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">From</th>
                {COLUMNS.map(({ name }) => (
                  <th key={name} scope="col" className="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              <tr className="sum" data-testid="totals">
                <th scope="row">All of it</th>
                {COLUMNS.map(({ name, show }) => (
                  <td key={name} className="number" data-column={name}>
                    {show(overview.totals)}
                  </td>
                ))}
              </tr>
              {[...overview.points].reverse().map((point) => (
                <tr key={point.at} data-at={point.at}>
                  <th scope="row">{pointLabel(point.at, overview.step, false)}</th>
                  {COLUMNS.map(({ name, show }) => (
                    <td key={name} className="number">
                      {show(point)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
