/** Where the console is: a path and its parameters, all of it behind the `#`, so that every view has an address. */
export interface Route {
  /** Decoded segments, for example `["sessions", "chat", "s-1"]`. Never empty. */
  path: readonly string[];
  query: Readonly<Record<string, string>>;
}

export const START: Route = { path: ["overview"], query: {} };

/** The route of a `location.hash`; anything without one is the overview. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = split(hash.replace(/^#/, ""), "?");
  const segments = path.split("/").filter(Boolean).map(decode);
  if (segments.length === 0) return START;
  return { path: segments, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The `#…` of a route; parameters that are empty or undefined are left out. */
export function hrefTo(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${path.map(encodeURIComponent).join("/")}${text}`;
}

export function sessionHref(agent: string, id: string, tab?: string): string {
  return hrefTo(["sessions", agent, id], { tab });
}

export function principalHref(id: string): string {
  return hrefTo(["principals", id]);
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // A link that was cut inside an escape.
  }
}
