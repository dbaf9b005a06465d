import { useAgent } from "agents/react";
import { useEffect, useState } from "react";

export type AgentSocket = ReturnType<typeof useAgent<unknown>>;

/**
 * The client's own pauses begin at 3 seconds and grow to 10, and nothing shortens one that has begun: not even
 * `reconnect()`. These begin within a second, differently in every tab, so that not all of them knock at once.
 */
const RETRY = {
  minReconnectionDelay: 400 + Math.random() * 500,
  maxReconnectionDelay: 5000,
  reconnectionDelayGrowFactor: 1.5,
};

/** The live connection to one session, on the host that served this page. */
export function useAgentSocket(agent: string, sessionId: string): AgentSocket {
  return useAgent({
    agent,
    name: sessionId,
    // Left alone the client picks TLS for every name it does not know as local, also when this page came over HTTP.
    protocol: location.protocol === "https:" ? "wss" : "ws",
    ...RETRY,
  });
}

export type ConnectionState = "connecting" | "connected" | "reconnecting" | "offline" | "closed";

/** Where the connection stands. `closed` is final: the server refused and said why. */
export function useConnectionState(socket: AgentSocket): ConnectionState {
  const [open, setOpen] = useState(() => socket.readyState === WebSocket.OPEN);
  const [everOpen, setEverOpen] = useState(open);
  const [tried, setTried] = useState(false);
  const [online, setOnline] = useState(() => navigator.onLine);

  useEffect(() => {
    const opened = () => {
      setOpen(true);
      setEverOpen(true);
    };
    const closed = () => {
      setOpen(false);
      setTried(true);
    };
    socket.addEventListener("open", opened);
    socket.addEventListener("close", closed);
    if (socket.readyState === WebSocket.OPEN) opened();
    return () => {
      socket.removeEventListener("open", opened);
      socket.removeEventListener("close", closed);
    };
  }, [socket]);

  useEffect(() => {
    const update = () => {
      setOnline(navigator.onLine);
      // Begins the pauses between the tries anew; the network is back now.
      if (navigator.onLine && socket.readyState === WebSocket.CLOSED && !socket.connectionError) socket.reconnect();
    };
    addEventListener("online", update);
    addEventListener("offline", update);
    return () => {
      removeEventListener("online", update);
      removeEventListener("offline", update);
    };
  }, [socket]);

  if (socket.connectionError) return "closed";
  if (open && online) return "connected";
  if (!online) return "offline";
  return everOpen || tried ? "reconnecting" : "connecting";
}
