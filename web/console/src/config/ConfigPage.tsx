import { useMemo } from "react";
import type { Setting } from "../api/types.ts";
import { useAccess } from "../api/use-api.ts";
import { useQuery } from "../api/use-query.ts";
import { Bones } from "../chrome/Bones.tsx";
import { PageHead } from "../chrome/PageHead.tsx";
import { ProblemView } from "../chrome/ProblemView.tsx";
import { value } from "../format/format.ts";
import { useParameters } from "../routing/use-route.ts";
import { Typed } from "../sessions/FilterBar.tsx";
import { groupsOf, settingsLike } from "./groups.ts";

/** The settings the server runs with. */
export function ConfigPage() {
  const { api } = useAccess();
  const [parameters, change] = useParameters();
  const loaded = useQuery("config", (signal) => api.config(signal));
  const { q = "", changed } = parameters;
  const groups = useMemo(
    () => groupsOf(settingsLike(loaded.data?.settings ?? [], q, changed === "1")),
    [loaded.data, q, changed],
  );
  return (
    <div data-testid="config">
      <PageHead title="Configuration" />
      <div className="filters" role="search">
        <Typed name="setting" label="Name or description" value={q} onChange={(text) => change({ q: text })} />
        <label className="check">
          <input
            type="checkbox"
            checked={changed === "1"}
            data-testid="only-changed"
            onChange={(event) => change({ changed: event.target.checked ? "1" : undefined })}
          />
          Only what was set
        </label>
      </div>
      {loaded.problem && <ProblemView problem={loaded.problem} onRetry={loaded.reload} />}
      {!loaded.data && !loaded.problem && <Bones lines={8} />}
      {loaded.data && groups.length === 0 && <p className="empty">No setting is like that.</p>}
      {groups.map(([group, settings]) => (
        <section key={group} className="panel" aria-label={group || "General"}>
          <h2>{group || "General"}</h2>
          <SettingTable settings={settings} group={group || "General"} />
        </section>
      ))}
    </div>
  );
}

function SettingTable({ settings, group }: { settings: readonly Setting[]; group: string }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`Settings: ${group}`}>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Value</th>
            <th scope="col" className="wide-only">
              Default
            </th>
          </tr>
        </thead>
        <tbody>
          {settings.map((setting) => (
            <tr key={setting.name} data-setting={setting.name}>
              <th scope="row" className="named">
                <code>{setting.name}</code>
                <span>{setting.description}</span>
              </th>
              <td className="wrap">
                <code>{value(setting.value)}</code>
                {setting.source === "set" && <span className="pill">set</span>}
                {setting.secret && <span className="pill">secret</span>}
              </td>
              <td className="wrap soft wide-only">{value(setting.default)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
