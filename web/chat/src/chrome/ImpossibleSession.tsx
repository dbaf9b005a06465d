import { Logo } from "./Logo.tsx";

/** Shown when the address names a session that no server would take; silently showing another one would mislead. */
export function ImpossibleSession({ onNewSession }: { onNewSession: () => void }) {
  return (
    <main className="fullscreen" role="alert" data-testid="impossible-session">
      <Logo size={48} />
      <h1>There is no such session</h1>
      <p>
        The session id in this address is not valid: it may have 1 to 128 letters, digits, inner spaces or
        . _ ~ : @ + = , - and nothing else. Ask for the link again, or start a session of your own.
      </p>
      <button type="button" className="button button-primary" data-testid="own-session" onClick={onNewSession}>
        New session
      </button>
    </main>
  );
}
