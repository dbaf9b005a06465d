import type { UIMessage } from "ai";
import { type ReactNode, useEffect, useRef } from "react";
import { Icon } from "../chrome/Icon.tsx";
import { Logo } from "../chrome/Logo.tsx";
import type { Activity } from "./activity.ts";
import { Message, type MessageActions } from "./Message.tsx";
import { isVisible } from "./message-text.ts";
import { useStickToEnd } from "./use-stick-to-end.ts";

interface Props extends MessageActions {
  messages: UIMessage[];
  agentTitle: string;
  activity: Activity;
  empty: ReactNode;
}

/** The messages of the session, oldest first. */
export function Transcript({ messages, agentTitle, activity, empty, ...actions }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [atEnd, goToEnd] = useStickToEnd(box, messages);
  const last = messages.at(-1);
  const changeable = !activity.busy && (activity.state === "ready" || activity.state === "error");
  const waiting = activity.busy && !(last?.role === "assistant" && isVisible(last));

  const lastOwnId = messages.findLast(({ role }) => role === "user")?.id;
  useEffect(() => {
    if (lastOwnId) goToEnd(); // Whoever has just sent something wants to see it, wherever they were reading.
  }, [lastOwnId, goToEnd]);

  return (
    <div className="transcript">
      <div className="transcript-scroll" ref={box}>
        <div
          className="column messages"
          role="log"
          aria-label="Conversation"
          aria-live="polite"
          // An answer that grows is read out once, when it is complete.
          aria-busy={activity.busy}
          data-testid="messages"
        >
          {messages.length === 0 && !activity.busy && empty}
          {messages.map((message) =>
            message.role === "assistant" && !isVisible(message) ? null : (
              <Message
                key={message.id}
                message={message}
                agentTitle={agentTitle}
                streaming={activity.busy && message === last && message.role === "assistant"}
                changeable={changeable}
                canRegenerate={message === last && message.role === "assistant" && !activity.busy}
                {...actions}
              />
            ),
          )}
          {waiting && (
            <div className="message message-assistant" data-testid="thinking">
              <div className="avatar" aria-hidden="true">
                <Logo size={28} />
              </div>
              <div className="thinking">
                <span className="visually-hidden">{agentTitle} is thinking</span>
                <i aria-hidden="true" />
                <i aria-hidden="true" />
                <i aria-hidden="true" />
              </div>
            </div>
          )}
        </div>
      </div>
      {!atEnd && (
        <button type="button" className="to-end" onClick={goToEnd} data-testid="to-end">
          <Icon name="arrowDown" size={16} />
          Newest
        </button>
      )}
    </div>
  );
}
