import { useAgentChat } from "@cloudflare/ai-chat/react";
import type { UIMessage } from "ai";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { Icon } from "../chrome/Icon.tsx";
import { DebugPanel } from "../debug/DebugPanel.tsx";
import { useFrameLog } from "../debug/use-frame-log.ts";
import { ownSessionUrl } from "../session/address.ts";
import { loadHistory } from "../session/history.ts";
import type { AgentInfo } from "../session/info.ts";
import { useAgentSocket, useConnectionState } from "../session/socket.ts";
import { describeActivity } from "./activity.ts";
import { Composer } from "./Composer.tsx";
import { ConfirmClear } from "./ConfirmClear.tsx";
import { Header } from "./Header.tsx";
import { partsWithText } from "./message-text.ts";
import { Notices } from "./Notices.tsx";
import { Transcript } from "./Transcript.tsx";
import { useCatchUp } from "./use-catch-up.ts";
import { useStop } from "./use-stop.ts";
import { Welcome } from "./Welcome.tsx";

interface Props {
  agent: AgentInfo;
  agents: AgentInfo[];
  version: string;
  sessionId: string;
  shared: boolean;
  onNewSession: () => void;
  onChooseAgent: (name: string) => void;
}

/** One session: its connection, its messages and everything that can be done with them. Suspends for the history. */
export function Conversation({ agent, agents, version, sessionId, shared, onNewSession, onChooseAgent }: Props) {
  const socket = useAgentSocket(agent.name, sessionId);
  const connection = useConnectionState(socket);
  const log = useFrameLog(socket);
  const chat = useAgentChat({
    agent: socket,
    getInitialMessages: loadHistory,
    // The server owns the history. What this page sets locally is a view of it and is not sent back.
    syncMessagesToServer: false,
  });
  const activity = describeActivity(connection, chat);
  const idle = connection === "connected" && !activity.busy;
  useCatchUp(socket, idle, chat.messages, chat.setMessages);

  const [clearing, setClearing] = useState(false);
  const [debugOpen, setDebugOpen] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const debugToggle = useRef<HTMLButtonElement>(null);
  useDebugShortcut(useCallback(() => setDebugOpen((open) => !open), []));

  useEffect(() => {
    document.title = `${agent.title} · Cutty`;
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, [agent.title]);

  // The hook's functions are new on every render; messages that did not change must not be drawn again for that.
  const current = useRef(chat);
  useEffect(() => {
    current.current = chat;
  });
  const send = useCallback((text: string) => void current.current.sendMessage({ text }), []);
  const suggest = useCallback(
    (text: string) => {
      send(text);
      field.current?.focus();
    },
    [send],
  );
  const edit = useCallback((message: UIMessage, text: string) => {
    // With the id of a known message the list is cut after it, sent, and the server drops what is missing from it.
    void current.current.sendMessage({ role: "user", parts: partsWithText(message, text), messageId: message.id });
    field.current?.focus();
  }, []);
  const regenerate = useCallback(() => {
    void current.current.regenerate();
    field.current?.focus();
  }, []);
  const approve = useCallback((id: string, approved: boolean) => {
    void current.current.addToolApprovalResponse({ id, approved });
    field.current?.focus();
  }, []);
  const stopTurn = useStop(socket, chat);
  const stop = useCallback(() => {
    stopTurn();
    field.current?.focus();
  }, [stopTurn]);
  const clear = () => {
    flushSync(() => setClearing(false)); // While the dialog is open, nothing outside of it takes the focus.
    chat.clearHistory();
    field.current?.focus();
  };

  return (
    <div className="app" data-debug={debugOpen || undefined}>
      <a className="skip-link" href="#composer">
        Skip to the message field
      </a>
      <Header
        agent={agent}
        agents={agents}
        activity={activity}
        shared={shared}
        canClear={chat.messages.length > 0 && connection === "connected"}
        debugOpen={debugOpen}
        debugToggle={debugToggle}
        onChooseAgent={onChooseAgent}
        onNewSession={onNewSession}
        onClear={() => setClearing(true)}
        onToggleDebug={() => setDebugOpen((open) => !open)}
      />
      <main className="stage" aria-label="Chat">
        <Transcript
          messages={chat.messages}
          agentTitle={agent.title}
          activity={activity}
          empty={<Welcome agent={agent} shared={shared} onSuggest={suggest} />}
          onEdit={edit}
          onRegenerate={regenerate}
          onApproval={approve}
        />
        <div className="dock">
          <div className="column">
            <Notices
              activity={activity}
              closeReason={chat.connectionError?.reason ?? null}
              error={chat.error}
              onReconnect={() => socket.reconnect()}
              onRetry={regenerate}
              onNewSession={onNewSession}
            />
            <Composer
              field={field}
              busy={activity.busy}
              blocked={connection === "closed" ? "The server closed this session." : null}
              agentTitle={agent.title}
              onSend={send}
              onStop={stop}
            />
            <p className="dock-note">
              <span>
                {shared ? "Everybody with this address is in this conversation." : "Every tab is a separate conversation."}
              </span>
              <button
                type="button"
                className="link-button"
                data-testid="open-tab"
                title="Opens a new tab with a session of its own"
                onClick={() => window.open(ownSessionUrl(), "_blank", "noopener")}
              >
                <Icon name="tabs" size={14} />
                Open another tab
              </button>
            </p>
          </div>
        </div>
      </main>
      {debugOpen && (
        <DebugPanel
          agent={agent}
          sessionId={sessionId}
          connection={connection}
          version={version}
          log={log}
          onClose={() => {
            setDebugOpen(false);
            debugToggle.current?.focus();
          }}
        />
      )}
      {clearing && <ConfirmClear onConfirm={clear} onCancel={() => setClearing(false)} />}
    </div>
  );
}

function useDebugShortcut(toggle: () => void): void {
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "." || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      toggle();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [toggle]);
}
