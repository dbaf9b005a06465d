import type { Message } from "./message.ts";

/** Frames from the server that the widget looks at; every other one is passed over. */
export type ServerFrame =
  | { type: "cf_agent_identity"; name: string; agent: string }
  | ResponseFrame
  | { type: "cf_agent_chat_messages"; messages: Message[]; connect?: boolean }
  | { type: "cf_agent_chat_clear" }
  | { type: "cf_agent_message_updated"; message: Message }
  | { type: "cf_agent_stream_resuming"; id: string; probeId?: string }
  | { type: "cf_agent_stream_pending"; id?: string; probeId?: string }
  | { type: "cf_agent_stream_resume_none"; reason?: string; probeId?: string }
  | { type: "cf_agent_chat_recovering"; recovering: boolean; id?: string }
  | { type: "action"; action: string; data?: unknown };

export interface ResponseFrame {
  type: "cf_agent_use_chat_response";
  id: string;
  /** JSON of one chunk; empty on control frames; a sentence for people where `error` is set. */
  body: string;
  done: boolean;
  error?: boolean;
  seq?: number;
  continuation?: boolean;
  replay?: boolean;
  replayComplete?: boolean;
  outcome?: string;
}

export type ClientFrame =
  | { type: "cf_agent_use_chat_request"; id: string; init: { method: "POST"; body: string } }
  | { type: "cf_agent_chat_request_cancel"; id: string }
  | { type: "cf_agent_chat_clear" }
  | { type: "cf_agent_tool_approval"; toolCallId: string; approved: boolean; autoContinue: true }
  | { type: "cf_agent_stream_resume_request"; probeId: string }
  | { type: "cf_agent_stream_resume_ack"; id: string };

/** Reads a frame; null for anything that is no JSON object with a type. */
export function readFrame(data: unknown): ServerFrame | null {
  if (typeof data !== "string") return null;
  try {
    const frame: unknown = JSON.parse(data);
    if (typeof frame === "object" && frame !== null && "type" in frame) return frame as ServerFrame;
  } catch {
    // Not for us.
  }
  return null;
}
