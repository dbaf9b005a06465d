import { useState } from "react";
import { useAccess } from "../api/use-api.ts";
import { useQuery } from "../api/use-query.ts";
import { Bones } from "../chrome/Bones.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { UsageTable } from "./UsageTable.tsx";

const KINDS = { agent: "Agents", owner: "Principals", model: "Models" } as const;
const SHOWN = 10;

interface Props {
  from: number;
  to: number;
  agent: string;
  /** Changes when the figures around it are new. */
  at: number;
}

/** Who, and what, used most in this span of time. */
export function TopTable({ from, to, agent, at }: Props) {
  const { api } = useAccess();
  const [by, setBy] = useState<keyof typeof KINDS>("agent");
  const loaded = useQuery(`${by} ${agent} ${at}`, (signal) => api.usage({ by, from, to, agent, limit: SHOWN }, signal));
  const [kept, setKept] = useState<{ by: string; agent: string; rows: NonNullable<typeof loaded.data>["rows"] } | null>(null);
  if (loaded.data && kept?.rows !== loaded.data.rows) setKept({ by, agent, rows: loaded.data.rows });
  // The table stays while its next figures are on their way.
  const rows = loaded.data?.rows ?? (kept?.by === by && kept.agent === agent ? kept.rows : null);

  return (
    <section className="panel" aria-label="Most used">
      <div className="panel-head">
        <h2>Most used</h2>
        <div className="segments" role="group" aria-label="By">
          {Object.entries(KINDS).map(([kind, name]) => (
            <button
              key={kind}
              type="button"
              aria-pressed={by === kind}
              data-testid={`top-${kind}`}
              onClick={() => setBy(kind as keyof typeof KINDS)}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
      {loaded.problem && <ProblemView problem={loaded.problem} onRetry={loaded.reload} />}
      {rows ? <UsageTable by={by} rows={rows} /> : !loaded.problem && <Bones />}
    </section>
  );
}
