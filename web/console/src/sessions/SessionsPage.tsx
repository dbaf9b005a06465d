import { useMemo, useState } from "react";
import type { SessionRow } from "../api/types.ts";
import { useAccess } from "../api/use-api.ts";
import { Bones } from "../chrome/Bones.tsx";
import { PageHead } from "../chrome/PageHead.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { count } from "../format/format.ts";
import { useParameters } from "../routing/use-route.ts";
import { usePages } from "../table/use-pages.ts";
import { FilterBar } from "./FilterBar.tsx";
import { sessionQuery, sortOf } from "./filters.ts";
import { SessionTable, sessionKey } from "./SessionTable.tsx";

const PAGE = 200;
const EVERY_MS = 5000;

/** All sessions: search, filters, and as many rows as there are. */
export function SessionsPage() {
  const { api } = useAccess();
  const [parameters, change] = useParameters();
  const [live, setLive] = useState(true);
  const key = useMemo(() => JSON.stringify(sessionQuery(parameters, 0)), [parameters]);
  const list = usePages<SessionRow>(
    key,
    sessionKey,
    async (after, signal) => {
      const page = await api.sessions({ ...sessionQuery(parameters, Date.now()), after, limit: PAGE }, signal);
      return { rows: page.sessions, next: page.next };
    },
    live ? EVERY_MS : 0,
  );
  const { sort, order } = sortOf(parameters);

  return (
    <div className="fill" data-testid="sessions">
      <PageHead title="Sessions">
        <span className="soft" data-testid="loaded" aria-live="polite">
          {list.loading ? "Loading…" : `${count(list.rows.length)}${list.more ? "+" : ""} shown`}
        </span>
        <label className="check">
          <input type="checkbox" checked={live} onChange={(event) => setLive(event.target.checked)} />
          Refresh
        </label>
      </PageHead>
      <FilterBar parameters={parameters} onChange={change} />
      {list.problem && <ProblemView problem={list.problem} onRetry={list.reload} />}
      {list.loading ? (
        <Bones lines={8} />
      ) : list.rows.length === 0 && !list.problem ? (
        <p className="empty" data-testid="empty">
          No session is like that. An owner is written as <code>user:anna</code>; the search takes the beginning of an id.
        </p>
      ) : (
        <SessionTable
          key={key}
          list={list}
          sorted={{ by: sort, order }}
          onSort={(by) => change({ sort: by, order: by === sort && order === "desc" ? "asc" : by === sort ? "desc" : undefined })}
        />
      )}
    </div>
  );
}
