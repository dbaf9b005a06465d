import { isValidElement, type ReactNode, useRef } from "react";
import { CopyButton } from "../chrome/CopyButton.tsx";

/** A fenced block with the name of its language and a button that copies it. */
export function CodeBlock({ children }: { children: ReactNode }) {
  const code = useRef<HTMLPreElement>(null);
  const language = languageOf(children);
  return (
    <figure className="code-block">
      <figcaption>
        <span>{language || "text"}</span>
        <CopyButton
          what="code"
          text={() => (code.current?.textContent ?? "").replace(/\n$/, "")}
          testId="copy-code"
          labelled
        />
      </figcaption>
      <pre ref={code} tabIndex={0} aria-label={language ? `${language} code` : "Code"}>
        {children}
      </pre>
    </figure>
  );
}

function languageOf(children: ReactNode): string {
  if (!isValidElement<{ className?: string }>(children)) return "";
  return /language-([\w+#.-]+)/.exec(children.props.className ?? "")?.[1] ?? "";
}
