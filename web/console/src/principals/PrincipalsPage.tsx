import { type FormEvent, useMemo, useState } from "react";
import { asProblem, type Problem } from "../api/problem.ts";
import type { UsageRow } from "../api/types.ts";
import { useAccess } from "../api/use-api.ts";
import { useQuery } from "../api/use-query.ts";
import { Bones } from "../chrome/Bones.tsx";
import { PageHead } from "../chrome/PageHead.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { RangePicker } from "../overview/RangePicker.tsx";
import { rangeKey, rangeOf } from "../overview/range.ts";
import { UsageTable } from "../overview/UsageTable.tsx";
import { principalHref } from "../routing/route.ts";
import { goTo, useParameters } from "../routing/use-route.ts";

const PAGE = 100;

/** Who used the server, largest cost first, and the way to any one of them. */
export function PrincipalsPage() {
  const { api } = useAccess();
  const [query, change] = useParameters();
  const loaded = useQuery(rangeKey(query), async (signal) => {
    const range = rangeOf(query, Date.now(), "30d");
    return { range, ...(await api.usage({ by: "owner", from: range.from, to: range.to, limit: PAGE }, signal)) };
  });
  const range = useMemo(() => rangeOf(query, loaded.at || Date.now(), "30d"), [query, loaded.at]);
  const { data, problem, at } = loaded;

  return (
    <div data-testid="principals">
      <PageHead title="Principals">
        <RangePicker range={range} onChange={change} />
      </PageHead>
      <GoTo />
      {problem && <ProblemView problem={problem} onRetry={loaded.reload} />}
      {!data && !problem && <Bones lines={8} />}
      {data && <Rows key={at} first={data.rows} next={data.next} query={{ from: data.range.from, to: data.range.to }} />}
    </div>
  );
}

/** Somebody who used nothing in this span of time is not in the table, but can be opened by name. */
function GoTo() {
  const [name, setName] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) goTo(principalHref(name.trim()));
  };
  return (
    <form className="filters" role="search" onSubmit={submit}>
      <input
        className="input"
        type="search"
        aria-label="Principal"
        placeholder="user:anna or visitor:…"
        data-testid="principal-name"
        data-search
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <button type="submit" className="button button-small" disabled={!name.trim()}>
        Open
      </button>
    </form>
  );
}

function Rows({ first, next, query }: { first: readonly UsageRow[]; next: string | null; query: { from: number; to: number } }) {
  const { api } = useAccess();
  const [rest, setRest] = useState<{ rows: readonly UsageRow[]; next: string | null }>({ rows: [], next });
  const [problem, setProblem] = useState<Problem | null>(null);
  const more = () => {
    api.usage({ by: "owner", ...query, limit: PAGE, after: rest.next }).then(
      (page) => {
        setRest({ rows: [...rest.rows, ...page.rows], next: page.next });
        setProblem(null);
      },
      (error: unknown) => setProblem(asProblem(error)),
    );
  };
  return (
    <>
      <div className="panel">
        <UsageTable by="owner" rows={[...first, ...rest.rows]} />
      </div>
      {problem && <ProblemView problem={problem} />}
      {rest.next !== null && (
        <button type="button" className="button" onClick={more} data-testid="more-principals">
          More
        </button>
      )}
    </>
  );
}
