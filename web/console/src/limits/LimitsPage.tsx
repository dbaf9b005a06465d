import { useState } from "react";
import type { Limit, SessionRow } from "../api/types.ts";
import { useAccess } from "../api/use-api.ts";
import { useQuery } from "../api/use-query.ts";
import { ActButton } from "../chrome/ActButton.tsx";
import { Bones } from "../chrome/Bones.tsx";
import { ConfirmDialog } from "../chrome/ConfirmDialog.tsx";
import { useNotice } from "../chrome/notices.tsx";
import { PageHead } from "../chrome/PageHead.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { useNow } from "../chrome/use-now.ts";
import { ago, bytes, count, dateTime, money, ownerName, value } from "../format/format.ts";
import { NowTiles } from "../overview/NowTiles.tsx";
import { sessionHref } from "../routing/route.ts";

const EVERY_MS = 10_000;

/** What visitors are held to, how often that was needed, and what the runaway guard has parked. */
export function LimitsPage() {
  const { api } = useAccess();
  const loaded = useQuery("limits", (signal) => api.limits(signal), EVERY_MS);
  const { data, problem } = loaded;
  return (
    <div data-testid="limits">
      <PageHead title="Limits" />
      {problem && <ProblemView problem={problem} onRetry={loaded.reload} />}
      {!data && !problem && <Bones lines={8} />}
      {data && (
        <>
          <NowTiles now={data.now} />
          <Parked sessions={data.parked} onDone={loaded.reload} />
          <section className="panel" aria-labelledby="in-force">
            <h2 id="in-force">In force</h2>
            <LimitTable limits={data.limits} refusals={data.refusals} />
          </section>
        </>
      )}
    </div>
  );
}

function Parked({ sessions, onDone }: { sessions: readonly SessionRow[]; onDone: () => void }) {
  const { api } = useAccess();
  const tell = useNotice();
  const now = useNow();
  const [asking, setAsking] = useState<SessionRow | null>(null);
  return (
    <section className="panel" aria-labelledby="parked">
      <h2 id="parked">Parked sessions</h2>
      {sessions.length === 0 ? (
        <p className="empty" data-testid="none-parked">
          No session is parked.
        </p>
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label="Parked sessions">
          <table className="plain" data-testid="parked-table">
            <thead>
              <tr>
                <th scope="col">Session</th>
                <th scope="col">Why</th>
                <th scope="col">Owner</th>
                <th scope="col">Active</th>
                <th scope="col" className="number">Cost</th>
                <th scope="col">
                  <span className="visually-hidden">Action</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {sessions.map((row) => (
                <tr key={`${row.agent}/${row.id}`} data-key={`${row.agent}/${row.id}`}>
                  <th scope="row">
                    <a href={sessionHref(row.agent, row.id)}>
                      {row.agent}/{row.id}
                    </a>
                  </th>
                  <td className="wrap">{row.parked}</td>
                  <td>{ownerName(row.owner)}</td>
                  <td title={dateTime(row.active_ms)}>{ago(row.active_ms, now)}</td>
                  <td className="number">{money(row.cost_nano)}</td>
                  <td>
                    <ActButton icon="play" testId="unpark-row" onClick={() => setAsking(row)}>
                      Unpark
                    </ActButton>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {asking && (
        <ConfirmDialog
          title="Let this session run again?"
          confirm="Unpark"
          onClose={() => setAsking(null)}
          onConfirm={async () => {
            await api.unpark(asking.agent, asking.id);
            tell(`Unparked ${asking.agent}/${asking.id}.`);
            onDone();
          }}
        >
          <p>It was parked because: {asking.parked}</p>
        </ConfirmDialog>
      )}
    </section>
  );
}

function LimitTable({ limits, refusals }: { limits: readonly Limit[]; refusals: Record<string, number> }) {
  const known = new Set(limits.map(({ name }) => name));
  const others = Object.keys(refusals).filter((name) => !known.has(name));
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Limits in force">
      <table className="plain" data-testid="limit-table">
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col" className="number">Value</th>
            <th scope="col" className="number">Refused</th>
          </tr>
        </thead>
        <tbody>
          {limits.map((limit) => (
            <tr key={limit.name}>
              <th scope="row" className="named">
                <code>{limit.name}</code>
                <span>{limit.description}</span>
              </th>
              <td className="number" title={value(limit.value)}>
                {inUnit(limit)}
              </td>
              <Refused times={refusals[limit.name] ?? 0} />
            </tr>
          ))}
          {others.map((name) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td />
              <Refused times={refusals[name] ?? 0} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inUnit({ value: of, unit }: Limit): string {
  if (of === null || !unit) return value(of);
  return unit === "bytes" && typeof of === "number" ? bytes(of) : `${value(of)} ${unit}`;
}

function Refused({ times }: { times: number }) {
  return <td className={times ? "number warn" : "number soft"}>{count(times)}</td>;
}
