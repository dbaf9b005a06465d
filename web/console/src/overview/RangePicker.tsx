import { useState } from "react";
import { localInput } from "../format/format.ts";
import { RANGES, type Range } from "./range.ts";

interface Props {
  range: Range;
  onChange: (changes: Record<string, string | undefined>) => void;
}

/** The usual spans of time, and one of one's own. */
export function RangePicker({ range, onChange }: Props) {
  const [open, setOpen] = useState(range.name === "custom");
  const custom = open || range.name === "custom";
  const change = (which: "from" | "to", text: string) => {
    const at = new Date(text).getTime();
    if (Number.isNaN(at)) return;
    const from = which === "from" ? at : range.from;
    const to = which === "to" ? at : range.to;
    if (from < to) onChange({ range: undefined, from: String(from), to: String(to) });
  };
  return (
    <div className="range">
      <div className="segments" role="group" aria-label="Span of time">
        {Object.entries(RANGES).map(([name, { name: label }]) => (
          <button
            key={name}
            type="button"
            aria-pressed={!custom && range.name === name}
            title={label}
            data-testid={`range-${name}`}
            onClick={() => {
              setOpen(false);
              onChange({ range: name, from: undefined, to: undefined });
            }}
          >
            {name}
          </button>
        ))}
        <button type="button" aria-pressed={custom} data-testid="range-custom" onClick={() => setOpen(true)}>
          Custom
        </button>
      </div>
      {custom && (
        <div className="range-custom">
          <input
            type="datetime-local"
            aria-label="From"
            key={`from ${Math.floor(range.from / 60_000)}`}
            defaultValue={localInput(range.from)}
            onBlur={(event) => change("from", event.target.value)}
          />
          <span aria-hidden="true">to</span>
          <input
            type="datetime-local"
            aria-label="To"
            key={`to ${Math.floor(range.to / 60_000)}`}
            defaultValue={localInput(range.to)}
            onBlur={(event) => change("to", event.target.value)}
          />
        </div>
      )}
    </div>
  );
}
