import { CopyButton } from "cutty-chat/chrome/CopyButton.tsx";
import { safeLink } from "cutty-chat/markdown/policy.ts";
import { lazy, memo, Suspense } from "react";
import { Icon } from "../../chrome/Icon.tsx";
import type { Message, Part } from "./parts.ts";

const Markdown = lazy(async () => {
  const [{ Markdown }] = await Promise.all([import("cutty-chat/markdown/Markdown.tsx"), import("cutty-chat/styles/prose.css")]);
  return { default: Markdown };
});

export type Reading = "markdown" | "text" | "json";

/** One message. What visitors and models wrote is text or sanitised Markdown, never HTML. */
export const MessageView = memo(function MessageView({ message, reading }: { message: Message; reading: Reading }) {
  return (
    <li className={`message message-${message.role}`} data-testid="message" data-role={message.role}>
      <div className="message-head">
        <h3>{message.role}</h3>
        <code>{message.id}</code>
        <CopyButton what="message" text={() => JSON.stringify(message.raw, null, 2)} testId="copy-message" />
      </div>
      {reading === "json" ? (
        <pre className="code" tabIndex={0} aria-label="Message as JSON">
          {JSON.stringify(message.raw, null, 2)}
        </pre>
      ) : (
        message.parts.map((part, index) => <PartView key={index} part={part} markdown={reading === "markdown" && message.role !== "user"} />)
      )}
    </li>
  );
});

function PartView({ part, markdown }: { part: Part; markdown: boolean }) {
  switch (part.kind) {
    case "text":
      return markdown ? (
        <Suspense fallback={<p className="said">{part.text}</p>}>
          <Markdown text={part.text} streaming={false} />
        </Suspense>
      ) : (
        <p className="said">{part.text}</p>
      );
    case "reasoning":
      return (
        <details className="fold">
          <summary>Reasoning</summary>
          <p className="said">{part.text}</p>
        </details>
      );
    case "file":
      // Not a link: a file of a visitor is not opened by accident.
      return (
        <p className="file-note">
          File {part.name && <strong>{part.name}</strong>} {part.mediaType}, {part.url.startsWith("data:") ? "stored in the message" : part.url}
        </p>
      );
    case "source": {
      const target = safeLink(part.url);
      return (
        <p className="file-note">
          Source{" "}
          {target ? (
            <a href={target} target="_blank" rel="noopener noreferrer">
              {part.title || part.url}
            </a>
          ) : (
            part.title || part.url
          )}
        </p>
      );
    }
    case "tool":
      return <ToolView part={part} />;
    case "other":
      return (
        <details className="fold">
          <summary>{part.name}</summary>
          <Value name={part.name} value={part.value} />
        </details>
      );
  }
}

function ToolView({ part }: { part: Extract<Part, { kind: "tool" }> }) {
  const failed = part.state === "output-error";
  return (
    <details className="fold" data-testid="tool">
      <summary>
        <Icon name="tool" size={14} />
        <span>{part.name}</span>
        <span className={failed ? "fold-state bad" : "fold-state"}>{part.state.replaceAll("-", " ")}</span>
      </summary>
      {part.input !== undefined && <Value name="Input" value={part.input} />}
      {part.output !== undefined && <Value name="Output" value={part.output} />}
      {part.error && <p className="said bad">{part.error}</p>}
    </details>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  return (
    <>
      <h4>{name}</h4>
      <pre className="code" tabIndex={0} aria-label={name}>
        {typeof value === "string" ? value : JSON.stringify(value, null, 2)}
      </pre>
    </>
  );
}
