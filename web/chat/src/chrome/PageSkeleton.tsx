import { Logo } from "./Logo.tsx";

/** The shape of the page while the session and its history are being loaded. */
export function PageSkeleton() {
  return (
    <div className="app" aria-busy="true" data-testid="skeleton">
      <header className="header">
        <div className="brand">
          <Logo size={30} />
          <span className="bone bone-title" />
        </div>
      </header>
      <main className="stage">
        <p className="visually-hidden" role="status">
          Loading the conversation…
        </p>
        <div className="transcript-scroll" aria-hidden="true">
          <div className="column skeleton">
            <span className="bone bone-bubble" />
            <span className="bone bone-line" />
            <span className="bone bone-line" />
            <span className="bone bone-line bone-short" />
            <span className="bone bone-bubble bone-narrow" />
            <span className="bone bone-line" />
            <span className="bone bone-line bone-short" />
          </div>
        </div>
        <div className="dock" aria-hidden="true">
          <div className="column">
            <span className="bone bone-composer" />
          </div>
        </div>
      </main>
    </div>
  );
}
