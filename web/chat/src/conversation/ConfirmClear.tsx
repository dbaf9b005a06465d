import { useLayoutEffect, useRef } from "react";

/** Asks before the history is deleted, because that cannot be undone. */
export function ConfirmClear({ onConfirm, onCancel }: { onConfirm: () => void; onCancel: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // A layout effect, because it ends while the dialog is still on the page; closed later it would lose the focus.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close(); // Gives the focus back to the button that opened it.
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby="clear-title"
      data-testid="clear-dialog"
      onCancel={(event) => {
        event.preventDefault();
        onCancel();
      }}
    >
      <h2 id="clear-title">Clear this conversation?</h2>
      <p>Every message of this session is deleted, for all windows that show it. This cannot be undone.</p>
      <div className="dialog-actions">
        <button type="button" className="button" data-testid="clear-cancel" onClick={onCancel}>
          Keep it
        </button>
        <button type="button" className="button button-danger" data-testid="clear-confirm" onClick={onConfirm}>
          Clear
        </button>
      </div>
    </dialog>
  );
}
