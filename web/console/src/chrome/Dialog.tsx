import { type ReactNode, useId, useLayoutEffect, useRef } from "react";

interface Props {
  title: string;
  testId: string;
  onClose: () => void;
  /** No way out while something is under way. */
  locked?: boolean;
  wide?: boolean;
  children: ReactNode;
}

/** A modal dialog; Escape closes it, and the focus goes back to where it came from. */
export function Dialog({ title, testId, onClose, locked = false, wide = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // A layout effect, because it ends while the dialog is still on the page; closed later it would lose the focus.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={wide ? "dialog dialog-wide" : "dialog"}
      aria-labelledby={heading}
      data-testid={testId}
      onCancel={(event) => {
        event.preventDefault();
        if (!locked) onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current && !locked) onClose(); // Beside it.
      }}
    >
      <div className="dialog-inner">
        <h2 id={heading}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
