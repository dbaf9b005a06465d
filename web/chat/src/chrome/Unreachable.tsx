import { Logo } from "./Logo.tsx";

/** Shown while the server does not answer at all. */
export function Unreachable({ failure, onRetry }: { failure: string; onRetry: () => void }) {
  return (
    <main className="fullscreen" role="alert" data-testid="unreachable">
      <Logo size={48} />
      <h1>The server cannot be reached</h1>
      <p>Trying again every few seconds. Nothing is lost: your conversation is stored on the server.</p>
      <pre className="fullscreen-detail">{failure}</pre>
      <button type="button" className="button button-primary" onClick={onRetry}>
        Try now
      </button>
    </main>
  );
}
