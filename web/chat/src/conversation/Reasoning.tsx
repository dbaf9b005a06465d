import { Icon } from "../chrome/Icon.tsx";
import { Markdown } from "../markdown/Markdown.tsx";

/** What the model thought before it answered; closed unless the visitor is curious. */
export function Reasoning({ text, streaming }: { text: string; streaming: boolean }) {
  if (!text.trim()) return null;
  return (
    <details className="card reasoning" data-testid="reasoning">
      <summary>
        <Icon name="chevron" size={14} />
        <Icon name="spark" size={15} />
        <span className="card-name">{streaming ? "Thinking…" : "Thoughts"}</span>
      </summary>
      <div className="reasoning-text">
        <Markdown text={text} streaming={streaming} />
      </div>
    </details>
  );
}
