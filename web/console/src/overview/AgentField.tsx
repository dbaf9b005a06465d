import { useId } from "react";
import { useAccess } from "../api/use-api.ts";
import { useQuery } from "../api/use-query.ts";

interface Props {
  agent: string;
  onChange: (agent: string) => void;
}

const SUGGESTED = 50;

/** Which agent: those that were ever used are suggested, and any other can be written. */
export function AgentField({ agent, onChange }: Props) {
  const { api } = useAccess();
  const list = useId();
  // Suggestions only: without them the field works as well, so a failure is not worth a message.
  const known = useQuery("agents", (signal) => api.usage({ by: "agent", from: 0, limit: SUGGESTED }, signal));
  return (
    <>
      <input
        key={agent}
        className="input input-short"
        type="search"
        placeholder="All agents"
        aria-label="Agent"
        data-testid="agent"
        list={list}
        defaultValue={agent}
        onChange={(event) => {
          // Chosen from the list, or cleared with the cross: neither leaves the field.
          const chosen = event.target.value;
          if (chosen === "" || known.data?.rows.some(({ key }) => key === chosen)) onChange(chosen);
        }}
        onBlur={(event) => onChange(event.target.value.trim())}
        onKeyDown={(event) => {
          if (event.key === "Enter") onChange(event.currentTarget.value.trim());
        }}
      />
      <datalist id={list}>
        {known.data?.rows.map(({ key }) => (
          <option key={key} value={key} />
        ))}
      </datalist>
    </>
  );
}
