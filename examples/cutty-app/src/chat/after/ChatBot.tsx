import { useAgentChat } from "@cloudflare/ai-chat/react";
import { useAgent } from "agents/react";
import { Conversation } from "../Conversation.tsx";
import { useCredentials } from "./credentials.ts";

interface Props {
  agentUrl: string;
  sessionId: string;
  onAnswer: () => void;
}

export function ChatBot({ agentUrl, sessionId, onAnswer }: Props) {
  const agent = useAgent({ agent: "chat", name: sessionId, host: agentUrl, ...useCredentials() });
  const chat = useAgentChat({ agent });
  return <Conversation chat={chat} onAnswer={onAnswer} />;
}
