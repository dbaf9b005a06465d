import { useEffect, useState } from "react";
import type { AgentSocket } from "../session/socket.ts";
import { FrameLog } from "./frame-log.ts";

/** Listens in on the connection. Call it before the chat hook, so that its first frame is seen too. */
export function useFrameLog(socket: AgentSocket): FrameLog {
  const [log] = useState(() => new FrameLog((run) => requestAnimationFrame(run)));
  useEffect(() => {
    const received = (event: MessageEvent) => log.record("in", event.data, Date.now());
    const send = socket.send;
    socket.addEventListener("message", received);
    socket.send = (data) => {
      log.record("out", data, Date.now());
      return send.call(socket, data);
    };
    return () => {
      socket.removeEventListener("message", received);
      socket.send = send;
    };
  }, [socket, log]);
  return log;
}
