import type { UIMessage } from "ai";
import { memo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { CopyButton } from "../chrome/CopyButton.tsx";
import { Icon } from "../chrome/Icon.tsx";
import { Logo } from "../chrome/Logo.tsx";
import { MessageEditor } from "./MessageEditor.tsx";
import { messageText } from "./message-text.ts";
import { PartView } from "./PartView.tsx";
import { Sources } from "./Sources.tsx";

export interface MessageActions {
  onEdit: (message: UIMessage, text: string) => void;
  onRegenerate: () => void;
  onApproval: (approvalId: string, approved: boolean) => void;
}

interface Props extends MessageActions {
  message: UIMessage;
  agentTitle: string;
  /** Whether more of this message is on its way. */
  streaming: boolean;
  /** Whether history may be changed now: no turn is running and the server can be reached. */
  changeable: boolean;
  canRegenerate: boolean;
}

/** One message with what can be done with it. */
export const Message = memo(function Message(props: Props) {
  const { message, agentTitle, streaming, changeable, canRegenerate } = props;
  const [editing, setEditing] = useState(false);
  const editButton = useRef<HTMLButtonElement>(null);
  const own = message.role === "user";
  const text = messageText(message);

  return (
    <article
      className={`message message-${message.role}`}
      data-testid="message"
      data-role={message.role}
      data-message-id={message.id}
      aria-label={own ? "You" : message.role === "system" ? "System" : agentTitle}
    >
      {message.role === "assistant" && (
        <div className="avatar" aria-hidden="true">
          <Logo size={28} />
        </div>
      )}
      <div className="message-main">
        <h2 className="visually-hidden">{own ? "You said" : `${agentTitle} said`}</h2>
        {editing ? (
          <MessageEditor
            text={text}
            onCancel={() => {
              flushSync(() => setEditing(false)); // The button is there again.
              editButton.current?.focus();
            }}
            onSave={(changed) => {
              setEditing(false);
              props.onEdit(message, changed);
            }}
          />
        ) : (
          <div className="message-body" data-testid="message-body">
            {message.parts.map((part, index) => (
              <PartView
                key={index}
                part={part}
                plain={own}
                streaming={streaming && index === message.parts.length - 1}
                onApproval={changeable || !streaming ? props.onApproval : undefined}
              />
            ))}
            <Sources parts={message.parts} />
          </div>
        )}
        {!editing && !streaming && text && (
          <div className="message-actions" data-always={canRegenerate || undefined}>
            <CopyButton what="message" text={text} testId="copy-message" />
            {own && (
              <button
                ref={editButton}
                type="button"
                className="icon-button icon-button-small"
                data-testid="edit-message"
                disabled={!changeable}
                aria-label="Edit message"
                title="Edit: everything after this message is replaced"
                onClick={() => setEditing(true)}
              >
                <Icon name="edit" size={16} />
              </button>
            )}
            {canRegenerate && (
              <button
                type="button"
                className="icon-button icon-button-small"
                data-testid="regenerate"
                disabled={!changeable}
                aria-label="Answer again"
                title="Answer again"
                onClick={props.onRegenerate}
              >
                <Icon name="redo" size={16} />
              </button>
            )}
          </div>
        )}
      </div>
    </article>
  );
});
