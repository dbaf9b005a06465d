import type { UsageRow } from "../api/types.ts";
import { compact, count, duration, money, ownerName } from "../format/format.ts";
import { hrefTo, principalHref } from "../routing/route.ts";

type By = "agent" | "owner" | "model" | "day" | "hour";

const HEADS: Record<By, string> = { agent: "Agent", owner: "Principal", model: "Model", day: "Day (UTC)", hour: "Hour" };

/** What turns used, a row for each agent, principal, model or time. */
export function UsageTable({ by, rows }: { by: By; rows: readonly UsageRow[] }) {
  if (rows.length === 0) return <p className="empty none-used">Nothing was used in this span of time.</p>;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`Usage by ${by}`}>
      <table className="plain" data-testid={`usage-${by}`}>
        <thead>
          <tr>
            <th scope="col">{HEADS[by]}</th>
            <th scope="col" className="number">Cost</th>
            <th scope="col" className="number">Turns</th>
            <th scope="col" className="number">Failed</th>
            <th scope="col" className="number">Stopped</th>
            <th scope="col" className="number">Tokens in</th>
            <th scope="col" className="number">Tokens out</th>
            <th scope="col" className="number">Calls</th>
            <th scope="col" className="number">Tools</th>
            <th scope="col" className="number">First chunk</th>
            <th scope="col" className="number">Duration</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} data-key={row.key}>
              <th scope="row">
                <KeyCell by={by} of={row.key} />
              </th>
              <td className="number">{money(row.cost_nano)}</td>
              <td className="number">{count(row.turns)}</td>
              <td className={row.errors ? "number bad" : "number"}>{count(row.errors)}</td>
              <td className="number">{count(row.aborted)}</td>
              <td className="number">{compact(row.input_tokens)}</td>
              <td className="number">{compact(row.output_tokens)}</td>
              <td className="number">{count(row.calls)}</td>
              <td className="number">{count(row.tools)}</td>
              <td className="number">{duration(row.mean_first_ms)}</td>
              <td className="number">{duration(row.mean_duration_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function KeyCell({ by, of }: { by: By; of: string }) {
  if (by === "agent") return <a href={hrefTo(["sessions"], { agent: of, sort: "cost" })}>{of}</a>;
  if (by === "owner") return of ? <a href={principalHref(of)}>{of}</a> : <span className="soft">{ownerName(of)}</span>;
  return <>{of || <span className="soft">unknown</span>}</>;
}
