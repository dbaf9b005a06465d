import { useEffect, useRef, useState } from "react";
import { Icon } from "../chrome/Icon.tsx";
import { PHONE, useMedia } from "../chrome/use-media.ts";
import { AgentField } from "../overview/AgentField.tsx";
import { AGES, filterCount } from "./filters.ts";
import { STATUSES } from "./status.ts";

interface Props {
  parameters: Readonly<Record<string, string>>;
  onChange: (changes: Record<string, string | undefined>) => void;
}

const TYPING_MS = 250;

/** Search and filters. Everything is in the address, so that a filtered list can be sent to somebody. */
export function FilterBar({ parameters, onChange }: Props) {
  const phone = useMedia(PHONE);
  const set = filterCount(parameters);
  const [open, setOpen] = useState(false);
  return (
    <div className="filters" role="search">
      <div className="search">
        <Icon name="search" size={16} />
        <Typed
          name="q"
          label="Beginning of a session’s or user’s id"
          value={parameters.q ?? ""}
          onChange={(q) => onChange({ q })}
          search
        />
      </div>
      {phone && (
        <button type="button" className="button button-small" aria-expanded={open} onClick={() => setOpen(!open)} data-testid="more-filters">
          <Icon name="filter" size={15} />
          Filters{set > 0 && ` (${set})`}
        </button>
      )}
      {(!phone || open) && (
        <>
          <Typed name="owner" label="Owner (user:anna)" value={parameters.owner ?? ""} onChange={(owner) => onChange({ owner })} />
          <AgentField agent={parameters.agent ?? ""} onChange={(agent) => onChange({ agent })} />
          <select
            className="input"
            aria-label="Status"
            data-testid="filter-status"
            value={parameters.status ?? ""}
            onChange={(event) => onChange({ status: event.target.value })}
          >
            <option value="">Any status</option>
            {Object.keys(STATUSES).map((status) => (
              <option key={status}>{status}</option>
            ))}
          </select>
          <select
            className="input"
            aria-label="Age"
            data-testid="filter-age"
            value={parameters.age ?? ""}
            onChange={(event) => onChange({ age: event.target.value })}
          >
            {Object.entries(AGES).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
          <Typed name="cost" label="Cost from $" value={parameters.cost ?? ""} onChange={(cost) => onChange({ cost })} numeric />
          {(set > 0 || parameters.q) && (
            <button
              type="button"
              className="button button-small"
              data-testid="filters-clear"
              onClick={() =>
                onChange({ q: undefined, owner: undefined, agent: undefined, status: undefined, age: undefined, cost: undefined })
              }
            >
              <Icon name="close" size={14} />
              Clear
            </button>
          )}
        </>
      )}
    </div>
  );
}

interface TypedProps {
  name: string;
  label: string;
  value: string;
  onChange: (value: string | undefined) => void;
  search?: boolean;
  numeric?: boolean;
}

/** A field that tells what was typed when the typing pauses. */
export function Typed({ name, label, value, onChange, search = false, numeric = false }: TypedProps) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setText(value); // The address was changed by something else.
  }, [value]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = setTimeout(() => {
      told.current = text;
      latest.current(text.trim() || undefined);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      className={search ? "search-input" : "input input-short"}
      type="search"
      inputMode={numeric ? "decimal" : undefined}
      aria-label={label}
      placeholder={label}
      data-testid={search ? "search" : `filter-${name}`}
      data-search={search || undefined}
      autoComplete="off"
      spellCheck={false}
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}
