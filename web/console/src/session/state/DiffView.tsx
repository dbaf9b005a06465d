import { type DiffLine, hunks } from "../diff.ts";

const SIGNS = { added: "+", removed: "−", same: " " } as const;
const WORDS = { added: "added", removed: "removed", same: "" } as const;

/** The lines that change, with a few around them. */
export function DiffView({ lines }: { lines: readonly DiffLine[] }) {
  return (
    <div className="diff" tabIndex={0} role="region" aria-label="What changes" data-testid="diff">
      <table>
        <tbody>
          {hunks(lines).map((line, index) =>
            line === null ? (
              <tr key={index} className="diff-gap">
                <td colSpan={4}>…</td>
              </tr>
            ) : (
              <tr key={index} className={`diff-${line.kind}`} data-kind={line.kind}>
                <td className="diff-number">{line.before}</td>
                <td className="diff-number">{line.after}</td>
                <td className="diff-sign">
                  <span aria-hidden="true">{SIGNS[line.kind]}</span>
                  <span className="visually-hidden">{WORDS[line.kind]}</span>
                </td>
                <td className="diff-text">{line.text}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}
