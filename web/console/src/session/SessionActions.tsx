import { useState } from "react";
import type { SessionDetail } from "../api/types.ts";
import { useAccess } from "../api/use-api.ts";
import { ActButton } from "../chrome/ActButton.tsx";
import { ConfirmDialog } from "../chrome/ConfirmDialog.tsx";
import { useNotice } from "../chrome/notices.tsx";
import { fileName, saveFile } from "../chrome/save-file.ts";
import { counted } from "../format/format.ts";
import { hrefTo } from "../routing/route.ts";
import { goTo } from "../routing/use-route.ts";

type Action = "stop" | "park" | "unpark" | "expire" | "export" | "erase";

interface Props {
  session: SessionDetail;
  onDone: () => void;
}

/** What an operator can do with a session. Each action is asked about first, and is in the audit log. */
export function SessionActions({ session, onDone }: Props) {
  const [asking, setAsking] = useState<Action | null>(null);
  const busy = session.running !== null || session.queued.length > 0;
  const close = () => setAsking(null);
  return (
    <div className="actions" role="group" aria-label="Actions">
      <ActButton icon="stop" testId="stop" disabled={!busy} title={busy ? undefined : "Nothing runs"} onClick={() => setAsking("stop")}>
        Stop
      </ActButton>
      {session.parked === null ? (
        <ActButton icon="park" testId="park" onClick={() => setAsking("park")}>
          Park
        </ActButton>
      ) : (
        <ActButton icon="play" testId="unpark" onClick={() => setAsking("unpark")}>
          Unpark
        </ActButton>
      )}
      <ActButton icon="download" testId="export" onClick={() => setAsking("export")}>
        Export
      </ActButton>
      <ActButton icon="hourglass" testId="expire" danger onClick={() => setAsking("expire")}>
        Expire
      </ActButton>
      <ActButton icon="trash" testId="erase" danger onClick={() => setAsking("erase")}>
        Erase
      </ActButton>
      {asking && <Question action={asking} session={session} onDone={onDone} onClose={close} />}
    </div>
  );
}

function Question({ action, session, onDone, onClose }: Props & { action: Action; onClose: () => void }) {
  const { api } = useAccess();
  const tell = useNotice();
  const [reason, setReason] = useState("");
  const { agent, id } = session;
  const shared = { onClose };
  const leave = () => goTo(hrefTo(["sessions"]));

  switch (action) {
    case "stop":
      return (
        <ConfirmDialog
          {...shared}
          title="Stop this session’s turns?"
          confirm="Stop"
          onConfirm={async () => {
            await api.stop(agent, id);
            tell("Stopped. What had been answered stays.");
            onDone();
          }}
        >
          <p>The running answer ends where it is, and turns that wait are dropped. The visitor sees that it was stopped.</p>
        </ConfirmDialog>
      );
    case "park":
      return (
        <ConfirmDialog
          {...shared}
          title="Park this session?"
          confirm="Park"
          onConfirm={async () => {
            await api.park(agent, id, reason.trim());
            tell("Parked. No turn of it runs until it is unparked.");
            onDone();
          }}
        >
          <p>No turn of it runs until it is unparked. Its history can still be read.</p>
          <label className="field">
            <span>Why (the visitor may be told)</span>
            <input
              data-testid="park-reason"
              value={reason}
              maxLength={300}
              placeholder="An operator parked this session."
              onChange={(event) => setReason(event.target.value)}
              autoFocus
            />
          </label>
        </ConfirmDialog>
      );
    case "unpark":
      return (
        <ConfirmDialog
          {...shared}
          title="Let this session run again?"
          confirm="Unpark"
          onConfirm={async () => {
            await api.unpark(agent, id);
            tell("Unparked. Its turns run again.");
            onDone();
          }}
        >
          <p>It was parked because: {session.parked}</p>
        </ConfirmDialog>
      );
    case "expire":
      return (
        <ConfirmDialog
          {...shared}
          danger
          title="End this session now?"
          confirm="Expire"
          onConfirm={async () => {
            await api.expire(agent, id);
            tell("Expired. The session is gone.");
            leave();
          }}
        >
          <p>
            It ends as if its time were over: its agent winds it up, whoever is connected is told, and it is removed with its{" "}
            {counted(session.messages, "message")}. This cannot be undone.
          </p>
        </ConfirmDialog>
      );
    case "export":
      return (
        <ConfirmDialog
          {...shared}
          title="Export this session?"
          confirm="Export"
          onConfirm={async () => {
            saveFile(fileName(id, "zip"), await api.exportSession(agent, id));
            tell("Exported. The browser saves the ZIP.");
          }}
        >
          <p>All that is stored of it, as a ZIP: messages, state, turns, and what its turns used. It holds personal data.</p>
        </ConfirmDialog>
      );
    case "erase":
      return (
        <ConfirmDialog
          {...shared}
          danger
          typed={id}
          title="Erase this session for good?"
          confirm="Erase"
          onConfirm={async () => {
            const receipt = await api.erase(agent, id);
            tell(`Erased: ${counted(receipt.messages, "message")}, ${counted(receipt.turns, "turn")}. Receipt ${receipt.receipt}.`);
            leave();
          }}
        >
          <p>
            Everything it holds is removed, from the store’s files too, and its connections are closed. What it used stays in
            the sums. This cannot be undone.
          </p>
        </ConfirmDialog>
      );
  }
}
