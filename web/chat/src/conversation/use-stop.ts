import { useCallback, useEffect, useRef, useState } from "react";
import type { AgentSocket } from "../session/socket.ts";
import { TurnWatch } from "./turn-watch.ts";

interface Turn {
  status: string;
  stop: () => Promise<void>;
}

/**
 * Ends the answer in progress, also one that another window of the session asked for: the chat hook stops only what
 * this window has started or resumed.
 */
export function useStop(socket: AgentSocket, turn: Turn): () => void {
  const [watch] = useState(() => new TurnWatch());
  const latest = useRef(turn);
  useEffect(() => {
    latest.current = turn;
  });

  useEffect(() => {
    const received = (event: MessageEvent) => watch.see(event.data);
    const closed = () => watch.forget();
    socket.addEventListener("message", received);
    socket.addEventListener("close", closed);
    return () => {
      socket.removeEventListener("message", received);
      socket.removeEventListener("close", closed);
    };
  }, [socket, watch]);

  return useCallback(() => {
    const own = latest.current.status === "submitted" || latest.current.status === "streaming";
    void latest.current.stop();
    if (!own) for (const frame of watch.cancelFrames()) socket.send(frame);
  }, [socket, watch]);
}
