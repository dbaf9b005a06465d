import type { UIMessage } from "ai";
import { Icon } from "../chrome/Icon.tsx";
import { safeLink } from "../markdown/policy.ts";

/** Where an answer got its facts from. */
export function Sources({ parts }: { parts: UIMessage["parts"] }) {
  const sources = parts.filter((part) => part.type === "source-url" || part.type === "source-document");
  if (sources.length === 0) return null;
  return (
    <section className="sources" aria-label="Sources" data-testid="sources">
      <h3>Sources</h3>
      <ol>
        {sources.map((source) => (
          <li key={source.sourceId}>
            {source.type === "source-url" ? (
              <a href={safeLink(source.url)} target="_blank" rel="noopener noreferrer">
                {source.title || source.url}
                <Icon name="external" size={13} />
              </a>
            ) : (
              <span>{source.title || source.filename || source.mediaType}</span>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
