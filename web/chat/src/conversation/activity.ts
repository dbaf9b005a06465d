import type { ConnectionState } from "../session/socket.ts";

export interface Activity {
  state:
    | "connecting"
    | "reconnecting"
    | "offline"
    | "closed"
    | "recovering"
    | "thinking"
    | "answering"
    | "error"
    | "ready";
  /** One or two words for the visitor. */
  label: string;
  /** Whether a turn is going on that Stop would end. */
  busy: boolean;
}

/** What the chat hook knows about the turn. */
export interface TurnSigns {
  status: "submitted" | "streaming" | "ready" | "error";
  isStreaming: boolean;
  isRecovering: boolean;
  isToolContinuation: boolean;
}

/** One word for everything that goes on; trouble with the connection comes first. */
export function describeActivity(connection: ConnectionState, turn: TurnSigns): Activity {
  const busy =
    turn.status === "submitted" ||
    turn.status === "streaming" ||
    turn.isStreaming ||
    turn.isRecovering ||
    turn.isToolContinuation;
  switch (connection) {
    case "closed":
      return { state: "closed", label: "Connection closed", busy: false };
    case "offline":
      return { state: "offline", label: "Offline", busy };
    case "connecting":
      return { state: "connecting", label: "Connecting…", busy };
    case "reconnecting":
      return { state: "reconnecting", label: "Reconnecting…", busy };
  }
  if (turn.isRecovering) return { state: "recovering", label: "Recovering…", busy };
  if (turn.isStreaming || turn.status === "streaming") return { state: "answering", label: "Answering…", busy };
  if (busy) return { state: "thinking", label: "Thinking…", busy };
  if (turn.status === "error") return { state: "error", label: "Something failed", busy };
  return { state: "ready", label: "Connected", busy };
}
