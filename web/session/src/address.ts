/** Where a session lives. */
export interface SessionPlace {
  /** The agent's name in addresses. Default: `chat`. */
  agent?: string;
  /** The server: `https://agents.example.com`, or `localhost:8789` with the page's scheme. Default: the page's own. */
  host?: string;
  /** The session id. */
  id: string;
  /** What follows the session, for example `get-messages`. */
  path?: string;
  /** Fields of the query, for example `{ token }`. */
  query?: Record<string, string>;
}

/** The HTTP address of a session: `https://host/agents/{agent}/{id}`, with `path` and `query` when given. */
export function sessionUrl({ agent, host, id, path, query }: SessionPlace): string {
  const address = `${agentUrl(agent, host)}/${encodeURIComponent(id)}${path ? `/${path}` : ""}`;
  return query ? `${address}?${new URLSearchParams(query)}` : address;
}

/** The same address for a `WebSocket`: `wss://…`, or `ws://…` where the server is reached over plain HTTP. */
export function websocketUrl(place: SessionPlace): string {
  return sessionUrl(place).replace("http", "ws");
}

/** The address below which all sessions of an agent live. */
export function agentUrl(agent = "chat", host = location.host): string {
  const base = host.includes("//") ? host : `${location.protocol}//${host}`;
  return `${base.replace(/\/+$/, "")}/agents/${agent}`;
}
