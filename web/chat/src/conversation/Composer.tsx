import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useLayoutEffect, useState } from "react";
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

/**
 * Where the visitor writes. Enter sends, Shift+Enter starts a line, Escape stops an answer. What is sent while an answer
 * is being written waits here for its end, and can be taken back until then.
 */
export function Composer({ field, busy, blocked, agentTitle, onSend, onStop }: Props) {
  const [text, setText] = useState("");
  const [waiting, setWaiting] = useState("");
  const written = text.trim();
  const ready = written !== "" && blocked === null;

  useEffect(() => {
    if (busy || blocked !== null || waiting === "") return;
    setWaiting("");
    onSend(waiting);
  }, [busy, blocked, waiting, onSend]);

  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 220)}px`;
  }, [text, field]);

  const send = () => {
    if (!ready) return;
    if (busy || waiting !== "") setWaiting(joined(waiting, written));
    else onSend(written);
    setText("");
    field.current?.focus();
  };

  const takeBack = () => {
    setText(joined(waiting, written));
    setWaiting("");
    field.current?.focus();
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
      {waiting !== "" && (
        <div className="waiting" role="status" data-testid="waiting">
          <p>
            <span className="waiting-label">Sent when this answer is over:</span> {waiting}
          </p>
          <button type="button" className="link-button" data-testid="take-back" onClick={takeBack}>
            Take back
          </button>
        </div>
      )}
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
        Enter sends, Shift and Enter start a new line. What you send during an answer waits for its end.
      </span>
    </form>
  );
}

function joined(first: string, second: string): string {
  return first && second ? `${first}\n\n${second}` : first || second;
}
