import type { ReactNode } from "react";
import type { Activity } from "./activity.ts";

interface Props {
  activity: Activity;
  /** Why the server closed the connection for good. */
  closeReason: string | null;
  error: Error | undefined;
  onReconnect: () => void;
  onRetry: () => void;
  onNewSession: () => void;
}

/** What the visitor should know about the connection or the last turn, with the way out beside it. */
export function Notices({ activity, closeReason, error, onReconnect, onRetry, onNewSession }: Props) {
  switch (activity.state) {
    case "closed":
      return (
        <Notice
          tone="bad"
          testId="connection-error"
          text={`The server closed this session: ${closeReason || "it gave no reason."}`}
        >
          <button type="button" className="button" onClick={onReconnect}>
            Try again
          </button>
          <button type="button" className="button" onClick={onNewSession}>
            New session
          </button>
        </Notice>
      );
    case "offline":
      return (
        <Notice
          tone="warn"
          testId="offline"
          text="You are offline. What you send is delivered when the network is back."
        />
      );
    case "reconnecting":
      return (
        <Notice
          tone="warn"
          testId="reconnecting"
          text="The connection was lost. An answer in progress continues on the server."
        >
          <button type="button" className="button" onClick={onReconnect}>
            Reconnect now
          </button>
        </Notice>
      );
    case "recovering":
      return <Notice tone="info" testId="recovering" text="The answer was interrupted and is being taken up again." />;
    case "error":
      return (
        <Notice tone="bad" testId="error" text={error?.message || "The answer failed."}>
          <button type="button" className="button" data-testid="retry" onClick={onRetry}>
            Try again
          </button>
        </Notice>
      );
    default:
      return null;
  }
}

interface NoticeProps {
  tone: "info" | "warn" | "bad";
  testId: string;
  text: string;
  children?: ReactNode;
}

function Notice({ tone, testId, text, children }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} role={tone === "bad" ? "alert" : "status"} data-testid={testId}>
      <p>{text}</p>
      {children && <div className="notice-actions">{children}</div>}
    </div>
  );
}
