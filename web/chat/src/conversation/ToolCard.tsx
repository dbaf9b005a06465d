import { type DynamicToolUIPart, getToolName, type ToolUIPart } from "ai";
import { Icon } from "../chrome/Icon.tsx";

type ToolPart = ToolUIPart | DynamicToolUIPart;

const STATES: Record<ToolPart["state"], { label: string; tone: "busy" | "ask" | "good" | "bad" }> = {
  "input-streaming": { label: "Preparing…", tone: "busy" },
  "input-available": { label: "Running…", tone: "busy" },
  "approval-requested": { label: "Needs your approval", tone: "ask" },
  "approval-responded": { label: "Answered, running…", tone: "busy" },
  "output-available": { label: "Done", tone: "good" },
  "output-error": { label: "Failed", tone: "bad" },
  "output-denied": { label: "Denied", tone: "bad" },
};

interface Props {
  part: ToolPart;
  onApproval: ((approvalId: string, approved: boolean) => void) | undefined;
}

/** One call of a tool: what was asked of it, what came of it, and the question whether it may run. */
export function ToolCard({ part, onApproval }: Props) {
  const { label, tone } = STATES[part.state];
  const asking = part.state === "approval-requested";
  const name = getToolName(part);
  return (
    <section
      className={`card tool tool-${tone}`}
      data-testid="tool"
      data-tool={name}
      data-state={part.state}
      aria-label={`Tool ${name}`}
    >
      <details open={asking || undefined}>
        <summary>
          <Icon name="chevron" size={14} />
          <Icon name="tool" size={15} />
          <span className="card-name">{part.title || name}</span>
          <span className="card-state">{label}</span>
        </summary>
        <div className="tool-detail">
          {part.input !== undefined && <Value label="Input" value={part.input} />}
          {part.state === "output-available" && <Value label="Output" value={part.output} />}
          {part.state === "output-error" && (
            <div className="tool-value" data-testid="tool-error">
              <h3>Error</h3>
              <p className="tool-error">{part.errorText}</p>
            </div>
          )}
        </div>
      </details>
      {asking && (
        <div className="approval" role="group" aria-label={`May ${name} run?`}>
          <p>The assistant wants to use this tool. May it?</p>
          <button
            type="button"
            className="button button-primary"
            data-testid="approve"
            disabled={!onApproval}
            onClick={() => onApproval?.(part.approval.id, true)}
          >
            Approve
          </button>
          <button
            type="button"
            className="button"
            data-testid="deny"
            disabled={!onApproval}
            onClick={() => onApproval?.(part.approval.id, false)}
          >
            Deny
          </button>
        </div>
      )}
    </section>
  );
}

function Value({ label, value }: { label: string; value: unknown }) {
  return (
    <div className="tool-value">
      <h3>{label}</h3>
      <pre className="card-code" tabIndex={0} aria-label={label}>
        {typeof value === "string" ? value : JSON.stringify(value, null, 2)}
      </pre>
    </div>
  );
}
