import type { SessionDetail } from "../../api/types.ts";
import { useNow } from "../../chrome/use-now.ts";
import { ago, bytes, dateTime } from "../../format/format.ts";
import { principalHref } from "../../routing/route.ts";

/** Who is connected now, and who else may enter. */
export function PeopleTab({ session }: { session: SessionDetail }) {
  const now = useNow();
  const shares = Object.entries(session.shares);
  return (
    <div className="two" data-testid="people">
      <section aria-labelledby="connections" className="panel">
        <h2 id="connections">Connections</h2>
        {session.connections.length === 0 ? (
          <p className="empty">Nobody is connected.</p>
        ) : (
          <div className="scroll" tabIndex={0} role="region" aria-label="Connections">
            <table className="plain" data-testid="connections">
              <thead>
                <tr>
                  <th scope="col">Since</th>
                  <th scope="col">Principal</th>
                  <th scope="col">Right</th>
                  <th scope="col">From</th>
                  <th scope="col">Dialect</th>
                  <th scope="col" className="number">Waiting</th>
                  <th scope="col">Connection</th>
                </tr>
              </thead>
              <tbody>
                {session.connections.map((each) => (
                  <tr key={each.id}>
                    <td title={dateTime(each.since_ms)}>{ago(each.since_ms, now)}</td>
                    <td>{each.principal ? <a href={principalHref(each.principal)}>{each.principal}</a> : <span className="soft">nobody</span>}</td>
                    <td>{each.right}</td>
                    <td>{each.peer || "–"}</td>
                    <td>{each.dialect}</td>
                    <td className="number">{bytes(each.buffered)}</td>
                    <td>
                      <code>{each.id}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
      <section aria-labelledby="shares" className="panel">
        <h2 id="shares">Shares</h2>
        {shares.length === 0 ? (
          <p className="empty">It is shared with nobody.</p>
        ) : (
          <div className="scroll" tabIndex={0} role="region" aria-label="Shares">
            <table className="plain" data-testid="shares">
              <thead>
                <tr>
                  <th scope="col">With</th>
                  <th scope="col">May</th>
                  <th scope="col">Since</th>
                  <th scope="col">Ends</th>
                </tr>
              </thead>
              <tbody>
                {shares.map(([grantee, share]) => (
                  <tr key={grantee}>
                    <td>
                      {grantee.startsWith("link:") ? "whoever has the link" : <a href={principalHref(grantee)}>{grantee}</a>}
                    </td>
                    <td>{share.mode}</td>
                    <td title={dateTime(share.created_ms)}>{ago(share.created_ms, now)}</td>
                    <td>{endOf(share.expires_ms)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </div>
  );
}

/** The store writes “never” as a time that does not come. */
const NEVER_MS = 2 ** 62;

function endOf(at: number | null): string {
  return at === null || at >= NEVER_MS ? "never" : dateTime(at);
}
