import { Component, type ReactNode } from "react";
import { Logo } from "./Logo.tsx";

interface State {
  error: Error | null;
}

/** Shows what went wrong instead of an empty page. The conversation itself is on the server and not lost. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <main className="fullscreen" role="alert" data-testid="page-error">
        <Logo size={48} />
        <h1>This page ran into a problem</h1>
        <p>Your conversation is stored on the server. Reloading the page brings it back.</p>
        <pre className="fullscreen-detail">{error.message}</pre>
        <button type="button" className="button button-primary" onClick={() => location.reload()}>
          Reload the page
        </button>
      </main>
    );
  }
}
