import { useState } from "react";
import { asProblem, type Problem } from "../../api/problem.ts";
import { useAccess } from "../../api/use-api.ts";
import { useNotice } from "../../chrome/notices.tsx";
import { ProblemView } from "../../chrome/ProblemView.tsx";
import { diffLines } from "../diff.ts";
import { checkJson, prettyJson } from "../json-text.ts";
import { DiffView } from "./DiffView.tsx";

interface Props {
  agent: string;
  id: string;
  /** The state the editing began with, as pretty JSON; empty when there was none. */
  before: string;
  onClose: (changed: boolean) => void;
}

/** Write, then look at what changes, then save. The last one to save wins; whoever saved in between is told of. */
export function StateEditor({ agent, id, before, onClose }: Props) {
  const { api } = useAccess();
  const tell = useNotice();
  const [text, setText] = useState(before || "{\n  \n}");
  const [review, setReview] = useState<{ now: string; wanted: string } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const checked = checkJson(text);

  const attempt = (work: Promise<void>) => {
    setBusy(true);
    setProblem(null);
    work.catch((error: unknown) => setProblem(asProblem(error))).finally(() => setBusy(false));
  };
  const look = async () => {
    const stored = await api.state(agent, id);
    setReview({ now: stored === null ? "" : prettyJson(stored), wanted: prettyJson(text) });
  };
  const save = async () => {
    await api.putState(agent, id, text);
    tell("The state is saved, and everybody who is connected has it.");
    onClose(true);
  };

  if (review) {
    const same = review.now === review.wanted;
    return (
      <section aria-label="Changes to the state" data-testid="state-review">
        {review.now !== before && (
          <p className="banner banner-warn" data-testid="state-moved">
            The state was changed while you were editing. Saving replaces what is there now, as shown.
          </p>
        )}
        {same ? <p className="empty">Nothing would change.</p> : <DiffView lines={diffLines(review.now, review.wanted)} />}
        {problem && <ProblemView problem={problem} />}
        <div className="tab-tools">
          <button type="button" className="button" onClick={() => setReview(null)} disabled={busy} data-testid="state-back">
            Edit further
          </button>
          <button
            type="button"
            className="button button-primary"
            onClick={() => attempt(save())}
            disabled={busy || same}
            data-testid="state-save"
            autoFocus
          >
            {busy ? "Saving…" : "Save"}
          </button>
        </div>
      </section>
    );
  }
  return (
    <section aria-label="Edit the state" data-testid="state-editor">
      <textarea
        className="editor"
        aria-label="State as JSON"
        aria-invalid={!checked.ok}
        aria-describedby="state-check"
        data-testid="state-field"
        spellCheck={false}
        value={text}
        rows={Math.min(30, Math.max(10, text.split("\n").length + 1))}
        onChange={(event) => setText(event.target.value)}
        autoFocus
      />
      <p id="state-check" className={checked.ok ? "check-line good" : "check-line bad"} role="status">
        {checked.ok ? "This is JSON." : `${checked.line === null ? "" : `Line ${checked.line}: `}${checked.message}`}
      </p>
      {problem && <ProblemView problem={problem} />}
      <div className="tab-tools">
        <button type="button" className="button" onClick={() => onClose(false)} disabled={busy} data-testid="state-cancel">
          Cancel
        </button>
        <button type="button" className="button" onClick={() => setText(prettyJson(text))} disabled={!checked.ok}>
          Tidy
        </button>
        <button
          type="button"
          className="button button-primary"
          onClick={() => attempt(look())}
          disabled={!checked.ok || busy}
          data-testid="state-look"
        >
          Show what changes
        </button>
      </div>
    </section>
  );
}
