import type { Now } from "../api/types.ts";
import { count, dateTime, roughly } from "../format/format.ts";
import { hrefTo } from "../routing/route.ts";

/** What is going on at this moment; each figure leads to the sessions it counts. */
export function NowTiles({ now }: { now: Now }) {
  return (
    <section aria-label="Now">
      <ul className="tiles" data-testid="now">
        <Tile name="Sessions" value={count(now.sessions)} testId="now-sessions" href={hrefTo(["sessions"])} />
        <Tile name="Awake" value={count(now.awake)} testId="now-awake" href={hrefTo(["sessions"], { status: "awake" })} />
        <Tile name="Sockets" value={count(now.sockets)} testId="now-sockets" href={hrefTo(["sessions"], { status: "connected" })} />
        <Tile name="Answering" value={count(now.running)} testId="now-running" href={hrefTo(["sessions"], { status: "answering" })} />
        <Tile name="Queued" value={count(now.queued)} testId="now-queued" />
        <Tile
          name="Parked"
          value={count(now.parked)}
          testId="now-parked"
          href={hrefTo(["sessions"], { status: "parked" })}
          warn={now.parked > 0}
        />
        <Tile name="Up for" value={roughly(now.uptime_s * 1000)} testId="now-uptime" title={`Since ${dateTime(now.started_ms)}`} />
      </ul>
    </section>
  );
}

interface Props {
  name: string;
  value: string;
  testId: string;
  href?: string;
  title?: string;
  warn?: boolean;
}

function Tile({ name, value, testId, href, title, warn = false }: Props) {
  const content = (
    <>
      <span className="tile-value" data-testid={testId}>
        {value}
      </span>
      <span className="tile-name">{name}</span>
    </>
  );
  return (
    <li className={warn ? "tile tile-warn" : "tile"} title={title}>
      {href ? <a href={href}>{content}</a> : <div>{content}</div>}
    </li>
  );
}
