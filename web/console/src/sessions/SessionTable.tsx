import { useMemo } from "react";
import type { SessionRow } from "../api/types.ts";
import { PHONE, useMedia } from "../chrome/use-media.ts";
import { useNow } from "../chrome/use-now.ts";
import { ago, compact, count, counted, dateTime, money, ownerName } from "../format/format.ts";
import { principalHref, sessionHref } from "../routing/route.ts";
import { goTo } from "../routing/use-route.ts";
import type { Paged } from "../table/use-pages.ts";
import { type Column, VirtualTable } from "../table/VirtualTable.tsx";
import { StatusMark } from "./StatusMark.tsx";
import { statusOf } from "./status.ts";

const WIDE_ROW = 40;
const PHONE_ROW = 66;
const ID_TAIL = 8; // characters

export function sessionKey({ agent, id }: SessionRow): string {
  return `${agent}/${id}`;
}

interface Props {
  list: Paged<SessionRow>;
  sorted?: { by: string; order: "asc" | "desc" };
  onSort?: (by: string) => void;
}

/** The rows of sessions; on a phone each one is a small card. */
export function SessionTable({ list, sorted, onSort }: Props) {
  const phone = useMedia(PHONE);
  const now = useNow();
  const columns = useMemo(() => columnsAt(now), [now]);
  return (
    <VirtualTable
      label="Sessions"
      testId="session-table"
      layout="sessions"
      columns={columns}
      rows={list.rows}
      rowKey={sessionKey}
      rowHeight={phone ? PHONE_ROW : WIDE_ROW}
      compactRow={phone ? (row) => <Card row={row} now={now} /> : undefined}
      {...(sorted ? { sorted } : {})}
      {...(onSort ? { onSort } : {})}
      onOpen={(row) => goTo(sessionHref(row.agent, row.id))}
      onSeen={list.onSeen}
      more={list.more}
    />
  );
}

function columnsAt(now: number): Column<SessionRow>[] {
  return [
    { id: "status", head: "Status", cell: (row) => <StatusMark status={statusOf(row)} /> },
    {
      id: "session",
      head: "Session",
      sort: "address",
      cell: (row) => (
        <a className="session-id" href={sessionHref(row.agent, row.id)} tabIndex={-1} title={`${row.agent}/${row.id}`}>
          <Id id={row.id} />
        </a>
      ),
    },
    { id: "agent", head: "Agent", cell: (row) => row.agent },
    { id: "owner", head: "Owner", cell: (row) => <Owner owner={row.owner} /> },
    { id: "active", head: "Active", sort: "active", cell: (row) => <span title={dateTime(row.active_ms)}>{ago(row.active_ms, now)}</span> },
    { id: "created", head: "Created", sort: "created", cell: (row) => <span title={dateTime(row.created_ms)}>{ago(row.created_ms, now)}</span> },
    { id: "messages", head: "Messages", number: true, cell: (row) => count(row.messages) },
    { id: "turns", head: "Turns", number: true, cell: (row) => count(row.turns) },
    { id: "errors", head: "Failed", number: true, cell: (row) => <span className={row.errors ? "bad" : ""}>{count(row.errors)}</span> },
    { id: "tokens", head: "Tokens", number: true, cell: (row) => compact(row.input_tokens + row.output_tokens) },
    { id: "cost", head: "Cost", sort: "cost", number: true, cell: (row) => money(row.cost_nano) },
  ];
}

/** Where there is no room it is shortened in its middle: what tells ids apart is mostly at their end. */
function Id({ id }: { id: string }) {
  const tail = id.length > 2 * ID_TAIL ? ID_TAIL : 0;
  return (
    <>
      <span>{id.slice(0, id.length - tail)}</span>
      {id.slice(id.length - tail)}
    </>
  );
}

function Owner({ owner }: { owner: string }) {
  if (!owner) return <span className="soft">{ownerName(owner)}</span>;
  return (
    <a href={principalHref(owner)} tabIndex={-1} title={owner}>
      {owner}
    </a>
  );
}

function Card({ row, now }: { row: SessionRow; now: number }) {
  return (
    <>
      <span className="card-line">
        <a className="session-id" href={sessionHref(row.agent, row.id)} tabIndex={-1}>
          <Id id={row.id} />
        </a>
        <StatusMark status={statusOf(row)} />
      </span>
      <span className="card-line soft">
        <span className="card-owner">
          {row.agent} · {ownerName(row.owner)}
        </span>
        <span>
          {ago(row.active_ms, now)} · {counted(row.turns, "turn")} · {money(row.cost_nano)}
        </span>
      </span>
    </>
  );
}
