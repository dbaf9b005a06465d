import { Component, type ReactNode } from "react";

interface State {
  error: Error | null;
}

/** Shows what went wrong instead of an empty page. */
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
        <h1>The console ran into a problem</h1>
        <p>The server is not touched by it. Loading the page again brings the console back.</p>
        <pre className="fullscreen-detail">{error.message}</pre>
        <button type="button" className="button button-primary" onClick={() => location.reload()}>
          Load the page again
        </button>
      </main>
    );
  }
}
