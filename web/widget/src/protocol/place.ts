/** Where the agent lives, read from the attribute `agent-url`. */
export interface Place {
  /** The agent's address without a slash at its end: `https://host/agents/chat`. */
  url: string;
  /** The agent's name, the last segment. */
  agent: string;
  /** What stands before `/agents/`: the server. */
  server: string;
}

/**
 * Reads `agent-url`, absolute or relative to the page.
 *
 * @throws TypeError naming the attribute, where it is no address of an agent.
 */
export function readPlace(attribute: string | null, base: string): Place {
  const url = URL.parse(attribute ?? "", base);
  const [, server, agent] = /^(https?:\/\/.+)\/agents\/([^/]+)\/?$/.exec(url ? url.origin + url.pathname : "") ?? [];
  if (!attribute || !server || !agent) {
    throw new TypeError(`<cutty-chat>: agent-url must look like https://host/agents/chat, not “${attribute ?? ""}”`);
  }
  return { url: `${server}/agents/${agent}`, agent: decodeURIComponent(agent), server };
}

/** The address of a session for its WebSocket, with the token in its query, where a browser can put one. */
export function socketAddress(place: Place, id: string, connection: string, token: string | null): string {
  const url = new URL(`${place.url.replace(/^http/, "ws")}/${encodeURIComponent(id)}`);
  url.searchParams.set("_pk", connection);
  if (token) url.searchParams.set("token", token);
  return url.href;
}
