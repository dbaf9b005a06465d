import { useCallback, useEffect, useState } from "react";

export interface AgentInfo {
  /** The kebab name, as it stands in addresses. */
  name: string;
  title: string;
  /** The model that answers, for example `anthropic:claude-sonnet-4-5` or `demo`. */
  model: string;
  /** True when no model key is set and answers are written in advance. */
  demo: boolean;
}

export interface ServerInfo {
  version: string;
  agents: AgentInfo[];
}

/** Reads what `/info.json` answered. Throws an error that names the field when it does not have the agreed shape. */
export function parseInfo(value: unknown): ServerInfo {
  if (!isRecord(value)) throw new Error("/info.json: expected an object");
  if (!Array.isArray(value.agents)) throw new Error("/info.json: “agents” is not a list");
  return {
    version: typeof value.version === "string" ? value.version : "",
    agents: value.agents.map((agent: unknown, index) => {
      if (!isRecord(agent) || typeof agent.name !== "string" || agent.name === "") {
        throw new Error(`/info.json: agents[${index}] has no name`);
      }
      return {
        name: agent.name,
        title: typeof agent.title === "string" && agent.title ? agent.title : agent.name,
        model: typeof agent.model === "string" ? agent.model : "",
        demo: agent.demo === true,
      };
    }),
  };
}

async function loadInfo(signal: AbortSignal): Promise<ServerInfo> {
  const response = await fetch("info.json", { signal, headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`The server answered ${response.status} ${response.statusText}`.trim());
  return parseInfo(await response.json());
}

/** What the server offers; asks again by itself while the server cannot be reached. */
export function useServerInfo(): { info: ServerInfo | null; failure: string | null; retry: () => void } {
  const [info, setInfo] = useState<ServerInfo | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  const retry = useCallback(() => setAttempt((count) => count + 1), []);

  useEffect(() => {
    if (info) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    loadInfo(abort.signal).then(
      (loaded) => {
        setFailure(null);
        setInfo(loaded);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setFailure(error instanceof Error ? error.message : String(error));
        timer = setTimeout(retry, 4000);
      },
    );
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [info, attempt, retry]);

  return { info, failure, retry };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
