import { useEffect, useMemo, useReducer } from "react";
import { forgetToken, userToken } from "../../token.ts";
import { Conversation } from "../Conversation.tsx";
import { PlainChat } from "./plain-chat.js";

/**
 * The ChatBot without any chat library; React only draws it.
 *
 * @param {{ url: string, historyUrl: string, transport: "websocket" | "fetch", onAnswer: () => void }} props
 */
export function ChatBotPlain({ url, historyUrl, transport, onAnswer }) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  const holder = useMemo(() => ({ chat: null }), []);
  useEffect(() => {
    holder.chat = new PlainChat({ url, historyUrl, transport, token: userToken, forgetToken, onChange: redraw });
    void holder.chat.open();
    return () => holder.chat.close();
  }, [holder, url, historyUrl, transport]);
  const { messages = [], status = "ready", error } = holder.chat ?? {};
  const chat = {
    messages,
    status,
    error,
    sendMessage: ({ text }) => holder.chat.send(text),
    stop: () => holder.chat.stop(),
  };
  return <Conversation chat={chat} onAnswer={onAnswer} />;
}
