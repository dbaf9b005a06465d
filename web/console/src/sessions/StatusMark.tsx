import { STATUSES, type Status } from "./status.ts";

/** A session's status as a dot and a word. */
export function StatusMark({ status }: { status: Status }) {
  return (
    <span className={`mark mark-${status}`} title={STATUSES[status]} data-testid="status">
      {status}
    </span>
  );
}
