import { Problem, problemFrom } from "./problem.ts";
import type {
  AuditPage,
  Configuration,
  Limits,
  Me,
  Overview,
  Receipt,
  SessionDetail,
  SessionPage,
  TurnPage,
  UsagePage,
} from "./types.ts";

/** Query parameters; those that are undefined, null or empty are left out. */
export type Query = Record<string, string | number | boolean | null | undefined>;

/** The operator's API with one token. A 401 is told to `onUnauthorized` before it is thrown. */
export class Api {
  readonly #token: string;
  readonly #base: string;
  readonly #onUnauthorized: (problem: Problem) => void;

  /** `base` is the address of `/admin/`. */
  constructor(token: string, base: string, onUnauthorized: (problem: Problem) => void) {
    this.#token = token;
    this.#base = base;
    this.#onUnauthorized = onUnauthorized;
  }

  me = (signal?: AbortSignal) => this.#get<Me>("me", {}, signal);
  overview = (query: Query, signal?: AbortSignal) => this.#get<Overview>("overview", query, signal);
  usage = (query: Query, signal?: AbortSignal) => this.#get<UsagePage>("usage", query, signal);
  sessions = (query: Query, signal?: AbortSignal) => this.#get<SessionPage>("sessions", query, signal);
  audit = (query: Query, signal?: AbortSignal) => this.#get<AuditPage>("audit", query, signal);
  limits = (signal?: AbortSignal) => this.#get<Limits>("limits", {}, signal);
  config = (signal?: AbortSignal) => this.#get<Configuration>("config", {}, signal);

  session = (agent: string, id: string, signal?: AbortSignal) =>
    this.#get<SessionDetail>(sessionPath(agent, id), {}, signal);
  turns = (agent: string, id: string, query: Query, signal?: AbortSignal) =>
    this.#get<TurnPage>(`${sessionPath(agent, id)}/turns`, query, signal);
  messages = (agent: string, id: string, signal?: AbortSignal) =>
    this.#get<unknown[]>(`${sessionPath(agent, id)}/messages`, {}, signal);

  /** The state as JSON text; `null` when the session has none, which is not the same as the JSON `null`. */
  async state(agent: string, id: string, signal?: AbortSignal): Promise<string | null> {
    const response = await this.#send("GET", `${sessionPath(agent, id)}/state`, { signal });
    return response.status === 204 ? null : await response.text();
  }

  async putState(agent: string, id: string, text: string): Promise<void> {
    await this.#send("PUT", `${sessionPath(agent, id)}/state`, { body: text });
  }

  /** Live frames, one JSON text a line. */
  async tail(agent: string, id: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#send("GET", `${sessionPath(agent, id)}/tail`, { signal });
    if (!response.body) throw new Problem(response.status, "unexpected", "The tail is empty.", "Reload this page.", true);
    return response.body;
  }

  stop = (agent: string, id: string) => this.#act<{ stopped: unknown }>("POST", `${sessionPath(agent, id)}/stop`);
  park = (agent: string, id: string, reason: string) =>
    this.#act<{ parked: string }>("POST", `${sessionPath(agent, id)}/park`, reason ? { reason } : {});
  unpark = (agent: string, id: string) => this.#act<{ parked: null }>("POST", `${sessionPath(agent, id)}/unpark`);
  expire = (agent: string, id: string) => this.#act<{ expired: true }>("POST", `${sessionPath(agent, id)}/expire`);
  erase = (agent: string, id: string) => this.#act<Receipt>("DELETE", sessionPath(agent, id));
  erasePrincipal = (principal: string) => this.#act<Receipt>("DELETE", principalPath(principal));
  revoke = (key: string, seconds: number | null) =>
    this.#act<{ revoked: string; closed: number }>("POST", "revocations", seconds === null ? { key } : { key, seconds });

  exportSession = (agent: string, id: string) => this.#blob(`${sessionPath(agent, id)}/export`);
  exportPrincipal = (principal: string) => this.#blob(`${principalPath(principal)}/export`);

  async #get<T>(path: string, query: Query, signal?: AbortSignal): Promise<T> {
    const response = await this.#send("GET", path + queryText(query), { signal });
    return (await response.json()) as T;
  }

  async #act<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
    return (await response.json()) as T;
  }

  async #blob(path: string): Promise<Blob> {
    return await (await this.#send("GET", path, {})).blob();
  }

  async #send(method: string, path: string, { body, signal }: { body?: string; signal?: AbortSignal }): Promise<Response> {
    const response = await fetch(this.#base + path, {
      method,
      signal: signal ?? null,
      body: body ?? null,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      cache: "no-store",
      credentials: "omit", // Only the token counts here, not whoever this browser is as a visitor.
    });
    if (response.ok) return response;
    const problem = problemFrom(response.status, await response.text());
    if (problem.status === 401) this.#onUnauthorized(problem);
    throw problem;
  }
}

/** The address of `/admin/` beside the console's own page, whatever path the server is mounted under. */
export function adminBase(page: string): string {
  return new URL("../admin/", new URL(page.replace(/[?#].*$/, ""))).href;
}

export function sessionPath(agent: string, id: string): string {
  return `sessions/${encodeURIComponent(agent)}/${encodeURIComponent(id)}`;
}

function principalPath(principal: string): string {
  return `principals/${encodeURIComponent(principal)}`;
}

export function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}
