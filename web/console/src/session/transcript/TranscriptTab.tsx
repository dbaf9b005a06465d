import { useMemo, useState } from "react";
import type { SessionDetail } from "../../api/types.ts";
import { useAccess } from "../../api/use-api.ts";
import { useQuery } from "../../api/use-query.ts";
import { Bones } from "../../chrome/Bones.tsx";
import { Icon } from "../../chrome/Icon.tsx";
import { ProblemView } from "../../chrome/ProblemView.tsx";
import { count } from "../../format/format.ts";
import { MessageView, type Reading } from "./MessageView.tsx";
import { readMessage } from "./parts.ts";

const AT_ONCE = 100;

/**
 * What was said. It is loaded once and when asked for, not every few seconds: each reading of what visitors wrote is in
 * the audit log.
 */
export function TranscriptTab({ session }: { session: SessionDetail }) {
  const { api } = useAccess();
  const { agent, id } = session;
  const [reading, setReading] = useState<Reading>("markdown");
  const [earlier, setEarlier] = useState(0);
  const loaded = useQuery(`${agent}/${id}`, (signal) => api.messages(agent, id, signal));
  const messages = useMemo(() => (loaded.data ?? []).map(readMessage), [loaded.data]);
  const from = Math.max(0, messages.length - AT_ONCE - earlier);
  const stale = loaded.data !== null && !loaded.loading && (session.messages !== messages.length || session.active_ms > loaded.at);

  if (loaded.problem) return <ProblemView problem={loaded.problem} onRetry={loaded.reload} />;
  if (!loaded.data) return <Bones lines={6} />;
  return (
    <section aria-label="Transcript" data-testid="transcript">
      <div className="tab-tools">
        <div className="segments" role="group" aria-label="Show as">
          {(["markdown", "text", "json"] as const).map((name) => (
            <button key={name} type="button" aria-pressed={reading === name} data-testid={`reading-${name}`} onClick={() => setReading(name)}>
              {name === "json" ? "JSON" : name === "text" ? "Text" : "Markdown"}
            </button>
          ))}
        </div>
        <button type="button" className={stale ? "button button-small button-primary" : "button button-small"} onClick={loaded.reload} data-testid="transcript-reload">
          <Icon name="redo" size={14} />
          {stale ? "There is more: load again" : "Load again"}
        </button>
      </div>
      {messages.length === 0 && <p className="empty">Nothing has been said yet.</p>}
      {from > 0 && (
        <button type="button" className="button" onClick={() => setEarlier(earlier + AT_ONCE)}>
          Show earlier messages ({count(from)} more)
        </button>
      )}
      <ol className="messages" start={from + 1}>
        {messages.slice(from).map((message) => (
          <MessageView key={message.id} message={message} reading={reading} />
        ))}
      </ol>
    </section>
  );
}
