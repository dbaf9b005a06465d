import { useMemo, useState } from "react";
import type { AuditEntry } from "../api/types.ts";
import { useAccess } from "../api/use-api.ts";
import { Bones } from "../chrome/Bones.tsx";
import { PageHead } from "../chrome/PageHead.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { PHONE, useMedia } from "../chrome/use-media.ts";
import { count, dateTime, localInput } from "../format/format.ts";
import { useParameters } from "../routing/use-route.ts";
import { Typed } from "../sessions/FilterBar.tsx";
import { usePages } from "../table/use-pages.ts";
import { type Column, VirtualTable } from "../table/VirtualTable.tsx";
import { EntryDialog } from "./EntryDialog.tsx";

const PAGE = 200;
const EVERY_MS = 10_000;

const entryKey = ({ seq }: AuditEntry) => String(seq);

const COLUMNS: Column<AuditEntry>[] = [
  { id: "when", head: "When", cell: (entry) => dateTime(entry.at_ms) },
  { id: "action", head: "Action", cell: (entry) => <Action entry={entry} /> },
  { id: "actor", head: "By", cell: (entry) => entry.actor || "–" },
  { id: "subject", head: "Session", cell: (entry) => subject(entry) },
  { id: "detail", head: "Detail", cell: (entry) => entry.detail },
  { id: "peer", head: "From", cell: (entry) => entry.peer },
];

/** What operators did and who was refused, newest first. */
export function AuditPage() {
  const { api } = useAccess();
  const [parameters, change] = useParameters();
  const [shown, setShown] = useState<AuditEntry | null>(null);
  const phone = useMedia(PHONE);
  const { action, actor, session, from, to } = parameters;
  const key = useMemo(() => JSON.stringify([action, actor, session, from, to]), [action, actor, session, from, to]);
  const list = usePages<AuditEntry>(
    key,
    entryKey,
    async (before, signal) => {
      const page = await api.audit({ action, actor, session, from, to, before, limit: PAGE }, signal);
      return { rows: page.entries, next: page.next === null ? null : String(page.next) };
    },
    EVERY_MS,
  );

  return (
    <div className="fill" data-testid="audit">
      <PageHead title="Audit log">
        <span className="soft" data-testid="loaded">
          {list.loading ? "Loading…" : `${count(list.rows.length)}${list.more ? "+" : ""} shown`}
        </span>
      </PageHead>
      <div className="filters" role="search">
        <Typed name="action" label="Action (session.)" value={action ?? ""} onChange={(value) => change({ action: value })} />
        <Typed name="actor" label="By (operator)" value={actor ?? ""} onChange={(value) => change({ actor: value })} />
        <Typed name="session" label="Session (agent/id)" value={session ?? ""} onChange={(value) => change({ session: value })} />
        <Moment name="From" value={from} onChange={(value) => change({ from: value })} />
        <Moment name="To" value={to} onChange={(value) => change({ to: value })} />
      </div>
      {list.problem && <ProblemView problem={list.problem} onRetry={list.reload} />}
      {list.loading ? (
        <Bones lines={8} />
      ) : list.rows.length === 0 && !list.problem ? (
        <p className="empty">Nothing like that is in the log.</p>
      ) : (
        <VirtualTable
          key={key}
          label="Audit log"
          testId="audit-table"
          layout="audit"
          columns={COLUMNS}
          rows={list.rows}
          rowKey={entryKey}
          rowHeight={phone ? 66 : 36}
          compactRow={phone ? (entry) => <Card entry={entry} /> : undefined}
          onOpen={setShown}
          onSeen={list.onSeen}
          more={list.more}
        />
      )}
      {shown && <EntryDialog entry={shown} onClose={() => setShown(null)} />}
    </div>
  );
}

function Moment({ name, value, onChange }: { name: string; value: string | undefined; onChange: (value: string | undefined) => void }) {
  const at = Number(value);
  return (
    <label className="moment">
      <span>{name}</span>
      <input
        key={value ?? ""}
        className="input"
        type="datetime-local"
        defaultValue={value && Number.isFinite(at) ? localInput(at) : ""}
        onBlur={(event) => {
          const given = event.target.value ? new Date(event.target.value).getTime() : Number.NaN;
          onChange(Number.isNaN(given) ? undefined : String(given));
        }}
      />
    </label>
  );
}

function subject({ agent, session }: AuditEntry): string {
  return session ? `${agent}/${session}` : "";
}

function Action({ entry }: { entry: AuditEntry }) {
  const refused = entry.action === "access.refused";
  return (
    <span className={refused ? "warn" : ""}>
      {entry.action}
      {entry.count > 1 && <span className="pill">×{entry.count}</span>}
    </span>
  );
}

function Card({ entry }: { entry: AuditEntry }) {
  return (
    <>
      <span className="card-line">
        <Action entry={entry} />
        <span className="soft">{dateTime(entry.at_ms)}</span>
      </span>
      <span className="card-line soft">
        <span className="card-owner">
          {entry.actor} {subject(entry)} {entry.detail}
        </span>
      </span>
    </>
  );
}
