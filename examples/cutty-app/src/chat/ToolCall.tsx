import type { Row } from "../api.ts";

interface Call {
  type: string;
  input?: unknown;
  output?: unknown;
  errorText?: string;
}

/** A call of one of the agent's tools: its name, its arguments, and the rows it found. */
export function ToolCall({ part }: { part: object }) {
  const call = part as Call;
  const given = Object.entries((call.input ?? {}) as Record<string, unknown>).map(([key, value]) => `${key}: ${value}`);
  const { rows } = (call.output ?? {}) as { rows?: Row[] | number };
  return (
    <div className="tool" data-testid="tool">
      <code>
        {call.type.replace("tool-", "")}
        {given.length > 0 && <span> {given.join(", ")}</span>}
      </code>
      {call.errorText && <span className="problem"> refused</span>}
      {Array.isArray(rows) && rows[0] && (
        <div className="scroll" role="group" aria-label="Rows that were found" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {Object.keys(rows[0]).map((column) => (
                  <th key={column}>{column}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                <tr key={at}>
                  {Object.values(row).map((cell, column) => (
                    <td key={column}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
