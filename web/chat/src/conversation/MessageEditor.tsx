import { useEffect, useRef, useState } from "react";

interface Props {
  text: string;
  onSave: (text: string) => void;
  onCancel: () => void;
}

/** Changes a message that was sent. Saving replaces it and everything that came after it. */
export function MessageEditor({ text, onSave, onCancel }: Props) {
  const [draft, setDraft] = useState(text);
  const field = useRef<HTMLTextAreaElement>(null);
  const ready = draft.trim() !== "";

  useEffect(() => {
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);

  const save = () => {
    if (ready) onSave(draft.trim());
  };

  return (
    <form
      className="editor"
      data-testid="edit-form"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <textarea
        ref={field}
        data-testid="edit-field"
        value={draft}
        rows={Math.min(10, draft.split("\n").length + 1)}
        aria-label="Edit message"
        aria-describedby="edit-help"
        onChange={({ target }) => setDraft(target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onCancel();
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            save();
          }
        }}
      />
      <div className="editor-actions">
        <p id="edit-help">Everything after this message is replaced.</p>
        <button type="button" className="button" data-testid="edit-cancel" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" data-testid="edit-save" disabled={!ready}>
          Save and send
        </button>
      </div>
    </form>
  );
}
