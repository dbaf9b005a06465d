import { CopyButton } from "cutty-chat/chrome/CopyButton.tsx";
import { useMemo } from "react";
import type { SessionRow } from "../api/types.ts";
import { useAccess } from "../api/use-api.ts";
import { useQuery } from "../api/use-query.ts";
import { Bones } from "../chrome/Bones.tsx";
import { Icon } from "../chrome/Icon.tsx";
import { PageHead } from "../chrome/PageHead.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { RangePicker } from "../overview/RangePicker.tsx";
import { rangeKey, rangeOf } from "../overview/range.ts";
import { UsageTable } from "../overview/UsageTable.tsx";
import { hrefTo } from "../routing/route.ts";
import { useParameters } from "../routing/use-route.ts";
import { SessionTable, sessionKey } from "../sessions/SessionTable.tsx";
import { usePages } from "../table/use-pages.ts";
import { PrincipalActions } from "./PrincipalActions.tsx";

const PAGE = 100;

/** One user or visitor: the sessions it owns, what it used day by day, and what can be done about it. */
export function PrincipalPage({ id }: { id: string }) {
  const { api } = useAccess();
  const [query, change] = useParameters();
  const range = useMemo(() => rangeOf(query, Date.now(), "30d"), [query]);
  const usage = useQuery(`${id} ${rangeKey(query)}`, (signal) =>
    api.usage({ by: "day", owner: id, from: range.from, to: range.to }, signal),
  );
  const list = usePages<SessionRow>(id, sessionKey, async (after, signal) => {
    const page = await api.sessions({ owner: id, sort: "active", order: "desc", after, limit: PAGE }, signal);
    return { rows: page.sessions, next: page.next };
  });

  return (
    <div data-testid="principal">
      <nav aria-label="Where this is" className="crumbs">
        <a href={hrefTo(["principals"])}>Principals</a>
        <Icon name="chevron" size={13} />
      </nav>
      <PageHead title={id}>
        <CopyButton what="principal" text={id} testId="copy-id" />
      </PageHead>
      <PrincipalActions id={id} owns={list.rows.length > 0} onDone={list.reload} />
      <section className="panel" aria-labelledby="owned">
        <div className="panel-head">
          <h2 id="owned">Sessions</h2>
          <a href={hrefTo(["sessions"], { owner: id })}>Filter these</a>
        </div>
        {list.problem && <ProblemView problem={list.problem} onRetry={list.reload} />}
        {list.loading ? (
          <Bones />
        ) : list.rows.length === 0 ? (
          <p className="empty" data-testid="owns-none">
            Owns no session.
          </p>
        ) : (
          <div className="owned" data-few={list.rows.length < 8 || undefined}>
            <SessionTable list={list} />
          </div>
        )}
      </section>
      <section className="panel" aria-labelledby="used">
        <div className="panel-head">
          <h2 id="used">Usage by day</h2>
          <RangePicker range={range} onChange={change} />
        </div>
        {usage.problem && <ProblemView problem={usage.problem} onRetry={usage.reload} />}
        {usage.data ? <UsageTable by="day" rows={usage.data.rows} /> : !usage.problem && <Bones />}
      </section>
    </div>
  );
}
