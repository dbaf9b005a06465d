import { useEffect, useMemo, useState } from "react";
import { asProblem, type Problem } from "../../api/problem.ts";
import type { SessionDetail, Turn } from "../../api/types.ts";
import { useAccess } from "../../api/use-api.ts";
import { useQuery } from "../../api/use-query.ts";
import { Bones } from "../../chrome/Bones.tsx";
import { ProblemView } from "../../chrome/ProblemView.tsx";
import { useNow } from "../../chrome/use-now.ts";
import { TurnView } from "./TurnView.tsx";

const PAGE = 50;

/** The turns of the session, newest first, and what each one did when. */
export function TurnsTab({ session }: { session: SessionDetail }) {
  const { api } = useAccess();
  const { agent, id } = session;
  const newest = useQuery(`${agent}/${id}`, (signal) => api.turns(agent, id, { limit: PAGE }, signal));
  const [older, setOlder] = useState<{ turns: Turn[]; next: string | null } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const now = useNow(session.running ? 1000 : 10_000);

  // The session's own figures are loaded every few seconds; the turns only when those show that something happened.
  const sign = `${session.turn_count} ${session.active_ms} ${session.running} ${session.queued.length} ${session.errors}`;
  const { reload } = newest;
  const [seen, setSeen] = useState(sign);
  useEffect(() => {
    if (sign === seen) return;
    setSeen(sign);
    reload();
  }, [sign, seen, reload]);

  const turns = useMemo(() => {
    const all = new Map<string, Turn>();
    for (const turn of [...(older?.turns ?? []), ...(newest.data?.turns ?? [])]) all.set(turn.id, turn);
    return [...all.values()].reverse(); // A page comes with its oldest turn first.
  }, [newest.data, older]);
  const next = older ? older.next : (newest.data?.next ?? null);

  const loadOlder = () => {
    setBusy(true);
    api.turns(agent, id, { limit: PAGE, before: next }).then(
      (page) => {
        setOlder({ turns: [...page.turns, ...(older?.turns ?? [])], next: page.next });
        setProblem(null);
        setBusy(false);
      },
      (error: unknown) => {
        setProblem(asProblem(error));
        setBusy(false);
      },
    );
  };

  if (newest.problem) return <ProblemView problem={newest.problem} onRetry={reload} />;
  if (!newest.data) return <Bones lines={6} />;
  return (
    <section aria-label="Turns" data-testid="turns">
      <p className="keys-line" aria-hidden="true">
        <span className="key key-model">model</span>
        <span className="key key-tool">tool</span>
        <span className="key key-wait">waiting, storing</span>
        <span className="key key-first">first chunk</span>
      </p>
      {turns.length === 0 && <p className="empty">No turn has been made yet.</p>}
      <ol className="turns">
        {turns.map((turn) => (
          <TurnView key={turn.id} turn={turn} now={now} />
        ))}
      </ol>
      {problem && <ProblemView problem={problem} />}
      {next !== null && (
        <button type="button" className="button" disabled={busy} onClick={loadOlder} data-testid="older-turns">
          {busy ? "Loading…" : "Older turns"}
        </button>
      )}
    </section>
  );
}
