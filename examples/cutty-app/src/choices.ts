/** What this page shows. The choices stand in its address, so they survive a reload without any storage. */
import type { Scope } from "./session.ts";

export interface Choices {
  /** Which chat: the old shared address, or a session of its own. */
  chat: "before" | "after";
  /** How the page talks to it. */
  variant: "hooks" | "websocket" | "fetch" | "widget";
  scope: Scope;
}

const OFFERED = {
  chat: ["before", "after"],
  variant: ["hooks", "websocket", "fetch", "widget"],
  scope: ["tab", "browser", "user", "server"],
} as const;

const BUILT = import.meta.env.VITE_CHAT === "before" ? "before" : "after";

export function readChoices(search: string = location.search): Choices {
  const query = new URLSearchParams(search);
  const pick = <Key extends keyof Choices>(key: Key, otherwise: Choices[Key]): Choices[Key] =>
    (OFFERED[key] as readonly string[]).includes(query.get(key) ?? "") ? (query.get(key) as Choices[Key]) : otherwise;
  const chat = pick("chat", BUILT);
  const variant = pick("variant", "hooks");
  // The old server has no WebSocket, which two of the variants need.
  const offered = chat === "after" || variant === "hooks" ? variant : "fetch";
  return { chat, variant: offered, scope: pick("scope", "tab") };
}

export function writeChoices(choices: Choices): void {
  history.replaceState(null, "", `?${new URLSearchParams({ ...choices })}`);
}

/** Where the chat server of each state listens. */
export const SERVERS = {
  before: import.meta.env.VITE_BEFORE_URL ?? "http://localhost:8791",
  after: import.meta.env.VITE_AGENT_URL ?? "http://localhost:8789",
};
