import type { AuditEntry } from "../api/types.ts";
import { Dialog } from "../chrome/Dialog.tsx";
import { count, dateTime } from "../format/format.ts";
import { hrefTo, sessionHref } from "../routing/route.ts";

/** All of one entry, which the table may have cut. */
export function EntryDialog({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  return (
    <Dialog title={entry.action} testId="audit-entry" onClose={onClose}>
      <dl className="keys">
        <div>
          <dt>When</dt>
          <dd>{dateTime(entry.at_ms)}</dd>
        </div>
        <div>
          <dt>By</dt>
          <dd>{entry.actor ? <a href={hrefTo(["audit"], { actor: entry.actor })} onClick={onClose}>{entry.actor}</a> : "–"}</dd>
        </div>
        {entry.session && (
          <div>
            <dt>Session</dt>
            <dd>
              <a href={sessionHref(entry.agent, entry.session)}>
                {entry.agent}/{entry.session}
              </a>
            </dd>
          </div>
        )}
        <div>
          <dt>From</dt>
          <dd>{entry.peer || "–"}</dd>
        </div>
        <div>
          <dt>Times</dt>
          <dd>{count(entry.count)}</dd>
        </div>
        <div>
          <dt>Detail</dt>
          <dd className="wrap">{entry.detail || "–"}</dd>
        </div>
      </dl>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose} autoFocus>
          Close
        </button>
      </div>
    </Dialog>
  );
}
