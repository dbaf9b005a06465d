import type { SessionDetail } from "../api/types.ts";
import { useNow } from "../chrome/use-now.ts";
import { ago, count, dateTime, duration, money, ownerName } from "../format/format.ts";
import { principalHref } from "../routing/route.ts";

/** Whose it is, how long it lives, what it used. */
export function SessionFacts({ session }: { session: SessionDetail }) {
  const now = useNow();
  const { lifetime } = session;
  return (
    <dl className="facts" data-testid="facts">
      <Fact name="Owner">
        {session.owner ? <a href={principalHref(session.owner)}>{session.owner}</a> : <span className="soft">{ownerName(session.owner)}</span>}
      </Fact>
      <Fact name="Last active" title={dateTime(session.active_ms)}>
        {ago(session.active_ms, now)}
      </Fact>
      <Fact name="Created" title={dateTime(session.created_ms)}>
        {ago(session.created_ms, now)}
      </Fact>
      <Fact name="Expires" title={session.expires_ms === null ? undefined : dateTime(session.expires_ms)}>
        {session.expires_ms === null ? "never" : ago(session.expires_ms, now)}
        <small>
          {lifetime.idle_s === null ? "" : ` idle for ${duration(lifetime.idle_s * 1000)}`}
          {lifetime.idle_s !== null && lifetime.max_age_s !== null && ","}
          {lifetime.max_age_s === null ? "" : ` at most ${duration(lifetime.max_age_s * 1000)} old`}
        </small>
      </Fact>
      <Fact name="Messages" testId="fact-messages">
        {count(session.messages)}
      </Fact>
      <Fact name="Tokens">
        {count(session.input_tokens)} in, {count(session.output_tokens)} out
      </Fact>
      <Fact name="Cost" testId="fact-cost">
        {money(session.cost_nano)}
      </Fact>
      <Fact name="Turns" testId="fact-turns">
        {count(session.turn_count)}
        {session.errors > 0 && <span className="bad">, {count(session.errors)} failed</span>}
      </Fact>
      <Fact name="Now" testId="fact-now">
        {session.running ? "answering" : session.awake ? "awake" : "asleep"}
        {session.queued.length > 0 && `, ${count(session.queued.length)} queued`}
        {session.sockets > 0 && `, ${count(session.sockets)} connected`}
      </Fact>
    </dl>
  );
}

interface FactProps {
  name: string;
  title?: string | undefined;
  testId?: string;
  children: React.ReactNode;
}

function Fact({ name, title, testId, children }: FactProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={title} data-testid={testId}>
        {children}
      </dd>
    </div>
  );
}
