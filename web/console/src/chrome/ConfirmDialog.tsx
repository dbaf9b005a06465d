import { type FormEvent, type ReactNode, useState } from "react";
import { asProblem, type Problem } from "../api/problem.ts";
import { Dialog } from "./Dialog.tsx";
import { ProblemView } from "./ProblemView.tsx";

interface Props {
  title: string;
  confirm: string;
  danger?: boolean;
  /** What has to be typed before the action is allowed. */
  typed?: string;
  children: ReactNode;
  /** Resolves when it is done; what it throws is shown, and the dialog stays. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before an action, carries it out, and says when that failed. */
export function ConfirmDialog({ title, confirm, danger = false, typed, children, onConfirm, onClose }: Props) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const ready = typed === undefined || text.trim() === typed;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    setProblem(null);
    onConfirm().then(onClose, (error: unknown) => {
      setProblem(asProblem(error));
      setBusy(false);
    });
  };

  return (
    <Dialog title={title} testId="confirm" onClose={onClose} locked={busy}>
      <form onSubmit={submit}>
        <div className="dialog-body">{children}</div>
        {typed !== undefined && (
          <label className="field">
            <span>
              Type <code className="typed">{typed}</code> to go on
            </span>
            <input
              data-testid="confirm-typed"
              value={text}
              onChange={(event) => setText(event.target.value)}
              autoComplete="off"
              spellCheck={false}
              autoFocus
            />
          </label>
        )}
        {problem && <ProblemView problem={problem} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose} disabled={busy} data-testid="confirm-no">
            Cancel
          </button>
          <button
            type="submit"
            className={`button ${danger ? "button-danger" : "button-primary"}`}
            disabled={!ready || busy}
            data-testid="confirm-yes"
          >
            {busy ? "Working…" : confirm}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
