import { useMemo, useState } from "react";
import { useAccess } from "../api/use-api.ts";
import { useQuery } from "../api/use-query.ts";
import { Bones } from "../chrome/Bones.tsx";
import { PageHead } from "../chrome/PageHead.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { clock } from "../format/format.ts";
import { useParameters } from "../routing/use-route.ts";
import { AgentField } from "./AgentField.tsx";
import { Charts } from "./Charts.tsx";
import { FigureTable } from "./FigureTable.tsx";
import { NowTiles } from "./NowTiles.tsx";
import { RangePicker } from "./RangePicker.tsx";
import { rangeKey, rangeOf, wholeHours } from "./range.ts";
import { TopTable } from "./TopTable.tsx";

const EVERY_MS = 10_000;

/** How the server is now, and how it was over time. */
export function OverviewPage({ theme }: { theme: string }) {
  const { api } = useAccess();
  const [query, change] = useParameters();
  const [live, setLive] = useState(true);
  const agent = query.agent ?? "";
  const loaded = useQuery(
    `${rangeKey(query)} ${agent}`,
    (signal) => {
      const { from, to, step } = rangeOf(query, Date.now());
      return api.overview({ from, to, step, agent }, signal);
    },
    live ? EVERY_MS : 0,
  );
  const range = useMemo(() => rangeOf(query, loaded.at || Date.now()), [query, loaded.at]);
  const { data, problem } = loaded;

  return (
    <div data-testid="overview" data-at={loaded.at || undefined}>
      <PageHead title="Overview">
        <RangePicker range={range} onChange={change} />
        <AgentField agent={agent} onChange={(name) => change({ agent: name || undefined })} />
        <label className="check">
          <input type="checkbox" checked={live} onChange={(event) => setLive(event.target.checked)} data-testid="live" />
          Refresh
        </label>
      </PageHead>
      {problem && <ProblemView problem={problem} onRetry={loaded.reload} />}
      {!data && !problem && <Bones lines={8} />}
      {data && (
        <>
          <NowTiles now={data.now} />
          <Charts
            overview={data}
            theme={theme}
            onZoom={(from, to) => {
              const hours = wholeHours(from, to);
              change({ range: undefined, from: String(hours.from), to: String(hours.to) });
            }}
          />
          <TopTable from={data.from} to={data.to} agent={agent} at={loaded.at} />
          <FigureTable overview={data} />
          <p className="foot">
            As of {clock(loaded.at)}. Hours are in this browser’s time zone, days are UTC. Drag over a chart to look closer.
          </p>
        </>
      )}
    </div>
  );
}
