import { type FormEvent, type KeyboardEvent, type RefObject, useLayoutEffect, useState } from "react";
import { Icon } from "../chrome/Icon.tsx";

interface Props {
  field: RefObject<HTMLTextAreaElement | null>;
  busy: boolean;
  /** Why nothing can be sent, or null. */
  blocked: string | null;
  agentTitle: string;
  onSend: (text: string) => void;
  onStop: () => void;
}

/** Where the visitor writes. Enter sends, Shift+Enter starts a line, Escape stops an answer. */
export function Composer({ field, busy, blocked, agentTitle, onSend, onStop }: Props) {
  const [text, setText] = useState("");
  const ready = text.trim() !== "" && !busy && blocked === null;

  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 220)}px`;
  }, [text, field]);

  const send = () => {
    if (!ready) return;
    onSend(text.trim());
    setText("");
  };

  return (
    <form
      className="composer"
      aria-label="Message"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        id="composer"
        data-testid="composer"
        rows={1}
        value={text}
        disabled={blocked !== null}
        placeholder={blocked ?? `Message ${agentTitle}`}
        aria-label={`Message ${agentTitle}`}
        aria-describedby="composer-help"
        enterKeyHint="send"
        onChange={({ target }) => setText(target.value)}
        onKeyDown={(event: KeyboardEvent) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            send();
          } else if (event.key === "Escape" && busy) {
            onStop();
          }
        }}
      />
      {busy ? (
        <button
          type="button"
          className="send send-stop"
          data-testid="stop"
          onClick={onStop}
          aria-label="Stop the answer"
          title="Stop (Esc)"
        >
          <Icon name="stop" />
        </button>
      ) : (
        <button
          type="submit"
          className="send"
          data-testid="send"
          disabled={!ready}
          aria-label="Send"
          title="Send (Enter)"
        >
          <Icon name="arrowUp" />
        </button>
      )}
      <span id="composer-help" className="visually-hidden">
        Enter sends, Shift and Enter start a new line.
      </span>
    </form>
  );
}
