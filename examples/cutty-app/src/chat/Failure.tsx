import { Component, type ReactNode } from "react";

/** Keeps a chat that cannot go on from taking the page with it, and says why. */
export class Failure extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <p className="problem" role="alert">
        The chat cannot be reached. {error.message}{" "}
        <button onClick={() => this.setState({ error: undefined })}>Try again</button>
      </p>
    );
  }
}
