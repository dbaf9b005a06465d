import { useEffect, useRef, useState } from "react";
import type { User } from "../../api.ts";
import { SERVERS } from "../../choices.ts";
import type { Scope } from "../../session.ts";
import { forgetToken, userToken } from "../../token.ts";
import { Address } from "../ChatPanel.tsx";

interface Props {
  user: User;
  scope: Scope;
  onAnswer: () => void;
}

/**
 * The chat as the agent server's own element, which a script tag brings: `<cutty-chat>` in the corner of the page.
 * It is made by hand here, as any page without a framework would.
 */
export function Widget({ user, scope, onAnswer }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const [address, setAddress] = useState("");

  useEffect(() => {
    const chat = document.createElement("cutty-chat");
    const attributes = {
      "agent-url": `${SERVERS.after}/agents/chat`,
      scope,
      "user-id": user.id,
      title: "Ask Cutty",
      greeting: "Ask about your lists: “which lists do I have?”",
      open: "",
    };
    for (const [name, value] of Object.entries(attributes)) chat.setAttribute(name, value);
    const getToken = async () => {
      forgetToken(); // It asks only when it connects, and again after a refusal.
      return userToken();
    };
    Object.assign(chat, { getToken });
    chat.addEventListener("cutty-answer", onAnswer);
    chat.addEventListener("cutty-session", (event) =>
      setAddress(`${SERVERS.after}/agents/chat/${(event as CustomEvent<{ id: string }>).detail.id}`),
    );
    let begun = false;
    chat.addEventListener("cutty-error", (event) => {
      if (begun || (event as CustomEvent<{ code: number | null }>).detail.code !== 4404) return;
      begun = true; // The tab's session is of whoever was signed in here before.
      void (chat as HTMLElement & { newSession?: () => Promise<string> }).newSession?.();
    });
    holder.current?.append(chat);
    return () => chat.remove();
  }, [user.id, scope, onAnswer]);

  return (
    <>
      <script async src={`${SERVERS.after}/client/widget.js`} />
      <Address text={address} />
      <p className="empty">The chat is in the corner.</p>
      <div ref={holder} />
    </>
  );
}
