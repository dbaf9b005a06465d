import { isToolUIPart, type UIMessage } from "ai";
import { Markdown } from "../markdown/Markdown.tsx";
import { FileView } from "./FileView.tsx";
import { Reasoning } from "./Reasoning.tsx";
import { ToolCard } from "./ToolCard.tsx";

interface Props {
  part: UIMessage["parts"][number];
  /** Show text as it was typed, not as Markdown. */
  plain: boolean;
  streaming: boolean;
  onApproval: ((approvalId: string, approved: boolean) => void) | undefined;
}

/** One part of a message. Sources stand together at the end of the message; steps have nothing to show. */
export function PartView({ part, plain, streaming, onApproval }: Props) {
  if (isToolUIPart(part)) return <ToolCard part={part} onApproval={onApproval} />;
  switch (part.type) {
    case "text":
      if (!part.text) return null;
      return plain ? <p className="plain-text">{part.text}</p> : <Markdown text={part.text} streaming={streaming} />;
    case "reasoning":
      return <Reasoning text={part.text} streaming={streaming} />;
    case "file":
      return <FileView url={part.url} mediaType={part.mediaType} filename={part.filename} />;
    case "step-start":
    case "source-url":
    case "source-document":
      return null;
    default:
      return part.type.startsWith("data-") ? <DataView name={part.type.slice(5)} part={part} /> : null;
  }
}

function DataView({ name, part }: { name: string; part: object }) {
  const data: unknown = "data" in part ? part.data : part;
  return (
    <details className="card" data-testid="data-part">
      <summary>
        <span className="card-name">{name}</span>
        <span className="card-state">data</span>
      </summary>
      <pre className="card-code">{JSON.stringify(data, null, 2)}</pre>
    </details>
  );
}
