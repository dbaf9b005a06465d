import type { UIMessage } from "ai";
import { useEffect, useRef, useState } from "react";
import { loadHistory } from "../session/history.ts";
import type { AgentSocket } from "../session/socket.ts";

/**
 * Reads the transcript again after the connection was lost. A running answer is resumed by the chat hook, but what
 * another window of the same session finished meanwhile is not sent again. Waits until nothing is going on, and gives
 * way to anything that happens while the transcript is on its way.
 */
export function useCatchUp(
  socket: AgentSocket,
  idle: boolean,
  messages: UIMessage[],
  setMessages: (messages: UIMessage[]) => void,
): void {
  const [missed, setMissed] = useState(0);
  const latest = useRef({ idle, messages, setMessages });
  useEffect(() => {
    latest.current = { idle, messages, setMessages };
  });

  useEffect(() => {
    let lost = false;
    const closed = () => {
      lost = true;
    };
    const opened = () => {
      if (lost) setMissed((count) => count + 1);
      lost = false;
    };
    socket.addEventListener("close", closed);
    socket.addEventListener("open", opened);
    return () => {
      socket.removeEventListener("close", closed);
      socket.removeEventListener("open", opened);
    };
  }, [socket]);

  useEffect(() => {
    if (missed === 0 || !idle) return;
    let current = true;
    const before = latest.current.messages;
    const url = new URL(socket.getHttpUrl());
    url.searchParams.delete("_pk");
    loadHistory({ url: url.href }).then(
      (stored) => {
        const now = latest.current;
        if (!current || !now.idle || now.messages !== before || stored.length === 0) return;
        setMissed(0);
        now.setMessages(stored);
      },
      () => {}, // The next reconnect tries again; what is on the page stays.
    );
    return () => {
      current = false;
    };
  }, [missed, idle, socket]);
}
