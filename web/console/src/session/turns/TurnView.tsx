import { useState } from "react";
import type { Turn } from "../../api/types.ts";
import { clock, compact, count, dateTime, duration, money } from "../../format/format.ts";
import { principalHref } from "../../routing/route.ts";
import { type Gantt, ganttOf, timings } from "./gantt.ts";

/** One turn: its figures in a line, its spans on one track; opened, a track for each span. */
export function TurnView({ turn, now }: { turn: Turn; now: number }) {
  const [open, setOpen] = useState(false);
  const gantt = ganttOf(turn, now);
  const { first, whole } = timings(turn);
  const outcome = turn.open ? "open" : (turn.outcome ?? "unknown");
  return (
    <li className="turn" data-testid="turn" data-turn={turn.id} data-outcome={outcome}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="turn-when" title={dateTime(turn.accepted_ms)}>
            {turn.accepted_ms ? clock(turn.accepted_ms) : "–"}
          </span>
          <span className={`outcome outcome-${outcome}`}>{outcome}</span>
          <span className="turn-model">{turn.model || turn.kind || "turn"}</span>
          <Track gantt={gantt} />
          <span className="turn-figures">
            <span title="To the first chunk">{duration(first)}</span>
            <span title="To the end">{duration(whole ?? (turn.open ? gantt.length : null))}</span>
            <span title="Tokens in and out">
              {compact(turn.input_tokens)}/{compact(turn.output_tokens)}
            </span>
            <span title="Cost">{money(turn.cost_nano)}</span>
          </span>
        </summary>
        {open && <Opened turn={turn} gantt={gantt} />}
      </details>
      {turn.error && <p className="turn-error bad">{turn.error}</p>}
    </li>
  );
}

/** All spans on one line, over the length of the turn. */
function Track({ gantt }: { gantt: Gantt }) {
  return (
    <span className="track" aria-hidden="true">
      {gantt.bars.map((bar, index) => (
        <i key={index} className={`span span-${bar.kind}${bar.error ? " span-error" : ""}`} style={{ left: percent(bar.left), width: percent(bar.width) }} />
      ))}
      {gantt.first !== null && <i className="first-mark" style={{ left: percent(gantt.first) }} />}
    </span>
  );
}

function Opened({ turn, gantt }: { turn: Turn; gantt: Gantt }) {
  return (
    <div className="turn-body">
      <dl className="turn-facts">
        <div>
          <dt>Turn</dt>
          <dd>
            <code>{turn.id}</code>
          </dd>
        </div>
        <div>
          <dt>Kind</dt>
          <dd>{turn.kind ?? "–"}</dd>
        </div>
        <div>
          <dt>By</dt>
          <dd>{turn.by ? <a href={principalHref(turn.by)}>{turn.by}</a> : "–"}</dd>
        </div>
        <div>
          <dt>Accepted</dt>
          <dd>{dateTime(turn.accepted_ms)}</dd>
        </div>
        <div>
          <dt>Model calls</dt>
          <dd>{count(turn.calls)}</dd>
        </div>
        <div>
          <dt>Tokens</dt>
          <dd>
            {count(turn.input_tokens)} in, {count(turn.output_tokens)} out
          </dd>
        </div>
        <div>
          <dt>Tools</dt>
          <dd>{turn.tools?.length ? turn.tools.join(", ") : "none"}</dd>
        </div>
      </dl>
      {gantt.bars.length === 0 ? (
        <p className="soft">No spans are recorded for this turn.</p>
      ) : (
        <ol className="gantt" data-testid="gantt">
          {gantt.bars.map((bar, index) => (
            <li key={index} data-kind={bar.kind}>
              <span className="gantt-name">
                {bar.kind} <b>{bar.name}</b>
              </span>
              <span className="track" aria-hidden="true">
                <i
                  className={`span span-${bar.kind}${bar.error ? " span-error" : ""}${bar.open ? " span-open" : ""}`}
                  style={{ left: percent(bar.left), width: percent(bar.width) }}
                />
              </span>
              <span className="gantt-times">
                +{duration(bar.after)}, {duration(bar.length)}
              </span>
              {bar.error && <span className="gantt-error bad">{bar.error}</span>}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function percent(part: number): string {
  return `${(100 * part).toFixed(3)}%`;
}
