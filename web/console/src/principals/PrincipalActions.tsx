import { useState } from "react";
import { useAccess } from "../api/use-api.ts";
import { ActButton } from "../chrome/ActButton.tsx";
import { ConfirmDialog } from "../chrome/ConfirmDialog.tsx";
import { useNotice } from "../chrome/notices.tsx";
import { fileName, saveFile } from "../chrome/save-file.ts";
import { counted } from "../format/format.ts";

const SPANS = { "for good": null, "for an hour": 3600, "for a day": 86_400, "for a week": 604_800 } as const;

type Span = keyof typeof SPANS;

interface Props {
  id: string;
  /** Whether it owns a session, without which there is nothing to export or erase. */
  owns: boolean;
  onDone: () => void;
}

/** Export, revoke, erase; each asked about first. */
export function PrincipalActions({ id, owns, onDone }: Props) {
  const { api } = useAccess();
  const tell = useNotice();
  const [asking, setAsking] = useState<"export" | "revoke" | "erase" | null>(null);
  const [span, setSpan] = useState<Span>("for good");
  const onClose = () => setAsking(null);
  const none = owns ? undefined : "It owns no session";
  return (
    <div className="actions" role="group" aria-label="Actions">
      <ActButton icon="download" testId="principal-export" disabled={!owns} {...(none ? { title: none } : {})} onClick={() => setAsking("export")}>
        Export
      </ActButton>
      <ActButton icon="key" testId="principal-revoke" danger onClick={() => setAsking("revoke")}>
        Revoke
      </ActButton>
      <ActButton icon="trash" testId="principal-erase" danger disabled={!owns} {...(none ? { title: none } : {})} onClick={() => setAsking("erase")}>
        Erase
      </ActButton>
      {asking === "export" && (
        <ConfirmDialog
          title="Export all its sessions?"
          confirm="Export"
          onClose={onClose}
          onConfirm={async () => {
            saveFile(fileName(id, "zip"), await api.exportPrincipal(id));
            tell("Exported. The browser saves the ZIP.");
          }}
        >
          <p>All that is stored of every session that {id} owns, as a ZIP. It holds personal data.</p>
        </ConfirmDialog>
      )}
      {asking === "revoke" && (
        <ConfirmDialog
          danger
          title="Let this principal in no more?"
          confirm="Revoke"
          onClose={onClose}
          onConfirm={async () => {
            const { closed } = await api.revoke(id, SPANS[span]);
            tell(`Revoked ${span}. ${counted(closed, "connection")} closed.`);
            onDone();
          }}
        >
          <p>Every token of {id} is refused from now on, and its open connections are closed. Its sessions stay.</p>
          <label className="field">
            <span>How long</span>
            <select className="input" data-testid="revoke-span" value={span} onChange={(event) => setSpan(event.target.value as Span)}>
              {Object.keys(SPANS).map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        </ConfirmDialog>
      )}
      {asking === "erase" && (
        <ConfirmDialog
          danger
          typed={id}
          title="Erase everything it owns?"
          confirm="Erase"
          onClose={onClose}
          onConfirm={async () => {
            const receipt = await api.erasePrincipal(id);
            tell(`Erased: ${counted(receipt.sessions, "session")}, ${counted(receipt.messages, "message")}. Receipt ${receipt.receipt}.`);
            onDone();
          }}
        >
          <p>Every session that {id} owns is removed with all it holds, from the store’s files too. This cannot be undone.</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
