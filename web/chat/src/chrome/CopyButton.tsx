import { useEffect, useState } from "react";
import { copyText } from "./clipboard.ts";
import { Icon } from "./Icon.tsx";

interface Props {
  /** What the button copies, in words: “message”, “code”. */
  what: string;
  text: string | (() => string);
  testId: string;
  labelled?: boolean;
}

/** Copies a text and says so for two seconds. */
export function CopyButton({ what, text, testId, labelled = false }: Props) {
  const [result, setResult] = useState<"copied" | "failed" | null>(null);
  useEffect(() => {
    if (!result) return;
    const timer = setTimeout(() => setResult(null), 2000);
    return () => clearTimeout(timer);
  }, [result]);

  const label = result === "copied" ? "Copied" : result === "failed" ? "Copying is not allowed here" : `Copy ${what}`;
  return (
    <button
      type="button"
      className={labelled ? "button button-quiet" : "icon-button icon-button-small"}
      data-testid={testId}
      data-result={result ?? undefined}
      aria-label={label}
      title={label}
      onClick={() => {
        void copyText(typeof text === "function" ? text() : text).then((done) => setResult(done ? "copied" : "failed"));
      }}
    >
      <Icon name={result === "copied" ? "check" : "copy"} size={16} />
      {labelled && <span>{result ? label : "Copy"}</span>}
    </button>
  );
}
