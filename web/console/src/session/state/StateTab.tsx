import { CopyButton } from "cutty-chat/chrome/CopyButton.tsx";
import { useState } from "react";
import { useAccess } from "../../api/use-api.ts";
import { useQuery } from "../../api/use-query.ts";
import { ActButton } from "../../chrome/ActButton.tsx";
import { Bones } from "../../chrome/Bones.tsx";
import { Icon } from "../../chrome/Icon.tsx";
import { ProblemView } from "../../chrome/ProblemView.tsx";
import { bytes } from "../../format/format.ts";
import { prettyJson } from "../json-text.ts";
import { StateEditor } from "./StateEditor.tsx";

/** The state that the session's agent and its clients share. Loaded when asked for, because reading it is audited. */
export function StateTab({ agent, id }: { agent: string; id: string }) {
  const { api } = useAccess();
  const [editing, setEditing] = useState(false);
  // In an object, because a session without a state answers null, which useQuery takes for “not there yet”.
  const loaded = useQuery(`${agent}/${id}`, async (signal) => ({ text: await api.state(agent, id, signal) }));

  if (loaded.problem) return <ProblemView problem={loaded.problem} onRetry={loaded.reload} />;
  if (!loaded.data) return <Bones lines={6} />;
  const { text } = loaded.data;
  const pretty = text === null ? "" : prettyJson(text);
  if (editing) {
    return (
      <StateEditor
        agent={agent}
        id={id}
        before={pretty}
        onClose={(changed) => {
          setEditing(false);
          if (changed) loaded.reload();
        }}
      />
    );
  }
  return (
    <section aria-label="State" data-testid="state">
      <div className="tab-tools">
        <ActButton icon="config" testId="state-edit" onClick={() => setEditing(true)}>
          {text === null ? "Write a state" : "Edit"}
        </ActButton>
        <button type="button" className="button button-small" onClick={loaded.reload} data-testid="state-reload">
          <Icon name="redo" size={14} />
          Load again
        </button>
        {text !== null && <span className="soft">{bytes(new TextEncoder().encode(text).length)}</span>}
        {text !== null && <CopyButton what="state" text={pretty} testId="copy-state" />}
      </div>
      {text === null ? (
        <p className="empty">This session has no state.</p>
      ) : (
        <pre className="code code-tall" tabIndex={0} aria-label="State as JSON" data-testid="state-text">
          {pretty}
        </pre>
      )}
    </section>
  );
}
