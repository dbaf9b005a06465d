import type { UIMessage } from "ai";
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { ToolCall } from "./ToolCall.tsx";

export interface Chat {
  messages: UIMessage[];
  status: "submitted" | "streaming" | "ready" | "error";
  error?: Error | undefined;
  sendMessage: (message: { text: string }) => unknown;
  stop: () => unknown;
}

interface Props {
  chat: Chat;
  /** Called after every answer; the agent may have changed the lists. */
  onAnswer: () => void;
}

/** What is said, and where to say something. The same for every way of talking to a chat server. */
export function Conversation({ chat, onAnswer }: Props) {
  const [text, setText] = useState("");
  const end = useRef<HTMLDivElement>(null);
  const busy = chat.status === "submitted" || chat.status === "streaming";

  useEffect(() => {
    end.current?.scrollIntoView({ block: "nearest" });
  }, [chat.messages]);
  useEffect(() => {
    if (!busy) onAnswer();
  }, [busy, onAnswer]);

  const send = (event?: FormEvent) => {
    event?.preventDefault();
    if (busy || !text.trim()) return;
    setText("");
    void chat.sendMessage({ text: text.trim() });
  };
  const typed = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <div className="conversation" data-testid="status" data-state={busy ? "answering" : "ready"}>
      <div className="messages" aria-live="polite">
        {chat.messages.length === 0 && (
          <p className="empty">
            Ask about your lists: “which lists do I have?”, “count people where age &gt; 40”, “generate 20 companies”.
          </p>
        )}
        {chat.messages.map((message) => (
          <article key={message.id} className={message.role} data-testid="message" data-role={message.role}>
            <div data-testid="message-body">
              {message.parts.map((part, at) =>
                part.type === "text" ? (
                  <p key={at}>{part.text}</p>
                ) : part.type.startsWith("tool-") ? (
                  <ToolCall key={at} part={part} />
                ) : null,
              )}
            </div>
          </article>
        ))}
        {chat.error && <p className="problem" role="alert">{chat.error.message}</p>}
        <div ref={end} />
      </div>
      <form className="composer" onSubmit={send}>
        <textarea
          aria-label="Message"
          data-testid="composer"
          rows={1}
          placeholder="Message Cutty"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={typed}
        />
        {busy ? (
          <button type="button" onClick={() => void chat.stop()}>
            Stop
          </button>
        ) : (
          <button className="primary" data-testid="send" disabled={!text.trim()}>
            Send
          </button>
        )}
      </form>
    </div>
  );
}
