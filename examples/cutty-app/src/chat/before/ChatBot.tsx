import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { useEffect } from "react";
import { userToken } from "../../token.ts";
import { Conversation } from "../Conversation.tsx";

interface Props {
  agentUrl: string;
  onAnswer: () => void;
}

export function ChatBot({ agentUrl, onAnswer }: Props) {
  const api = `${agentUrl}/api/chat`;
  const body = async () => ({ token: await userToken() });
  const chat = useChat({ transport: new DefaultChatTransport({ api, body }) });
  const { setMessages, status } = chat;
  useEffect(() => {
    if (status === "ready") void fetch(api).then(async (answer) => setMessages(await answer.json()));
  }, [api, setMessages, status]);
  return <Conversation chat={chat} onAnswer={onAnswer} />;
}
