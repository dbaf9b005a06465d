import { CopyButton } from "cutty-chat/chrome/CopyButton.tsx";
import type { SessionDetail } from "../api/types.ts";
import { useAccess } from "../api/use-api.ts";
import { useQuery } from "../api/use-query.ts";
import { Bones } from "../chrome/Bones.tsx";
import { Icon } from "../chrome/Icon.tsx";
import { PageHead } from "../chrome/PageHead.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { hrefTo, sessionHref } from "../routing/route.ts";
import { useParameters } from "../routing/use-route.ts";
import { StatusMark } from "../sessions/StatusMark.tsx";
import { statusOf } from "../sessions/status.ts";
import { LiveTab } from "./live/LiveTab.tsx";
import { PeopleTab } from "./people/PeopleTab.tsx";
import { SessionActions } from "./SessionActions.tsx";
import { SessionFacts } from "./SessionFacts.tsx";
import { StateTab } from "./state/StateTab.tsx";
import { TranscriptTab } from "./transcript/TranscriptTab.tsx";
import { TurnsTab } from "./turns/TurnsTab.tsx";

const TABS = { transcript: "Transcript", turns: "Turns", state: "State", live: "Live", people: "Connections" } as const;

type TabName = keyof typeof TABS;

const EVERY_MS = 4000;

/** Everything about one session. */
export function SessionPage({ agent, id }: { agent: string; id: string }) {
  const { api } = useAccess();
  const [parameters] = useParameters();
  const loaded = useQuery(`${agent}/${id}`, (signal) => api.session(agent, id, signal), EVERY_MS);
  const { data, problem } = loaded;
  const tab = Object.hasOwn(TABS, parameters.tab ?? "") ? (parameters.tab as TabName) : "transcript";
  const gone = problem?.status === 404;

  return (
    <div className="session" data-testid="session" data-at={loaded.at || undefined}>
      <nav aria-label="Where this is" className="crumbs">
        <a href={hrefTo(["sessions"])}>Sessions</a>
        <Icon name="chevron" size={13} />
        <a href={hrefTo(["sessions"], { agent })}>{agent}</a>
      </nav>
      <PageHead title={id}>
        <CopyButton what="session id" text={id} testId="copy-id" />
        {data && !gone && <StatusMark status={statusOf(data)} />}
      </PageHead>
      {problem && <ProblemView problem={problem} {...(gone ? {} : { onRetry: loaded.reload })} />}
      {!data && !problem && <Bones lines={8} />}
      {data && !gone && (
        <>
          <SessionActions session={data} onDone={loaded.reload} />
          {data.parked !== null && (
            <p className="banner banner-warn" data-testid="parked">
              <strong>Parked.</strong> {data.parked}
            </p>
          )}
          <SessionFacts session={data} />
          <nav className="tabs" aria-label="Parts of the session">
            {Object.entries(TABS).map(([name, label]) => (
              <a
                key={name}
                href={sessionHref(agent, id, name)}
                aria-current={tab === name ? "page" : undefined}
                data-testid={`tab-${name}`}
              >
                {label}
                {name === "people" && data.connections.length > 0 && <span className="pill">{data.connections.length}</span>}
              </a>
            ))}
            <a href={hrefTo(["audit"], { session: `${agent}/${id}` })} className="tab-away" data-testid="tab-audit">
              Audit log
            </a>
          </nav>
          <Tab name={tab} session={data} />
        </>
      )}
    </div>
  );
}

function Tab({ name, session }: { name: TabName; session: SessionDetail }) {
  switch (name) {
    case "transcript":
      return <TranscriptTab session={session} />;
    case "turns":
      return <TurnsTab session={session} />;
    case "state":
      return <StateTab agent={session.agent} id={session.id} />;
    case "live":
      return <LiveTab agent={session.agent} id={session.id} />;
    case "people":
      return <PeopleTab session={session} />;
  }
}
