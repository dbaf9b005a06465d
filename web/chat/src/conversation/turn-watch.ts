/** Knows which turns of the session are streaming, from the frames that pass, whoever started them. */
export class TurnWatch {
  readonly #running = new Set<string>();

  /** Looks at one received frame. */
  see(data: unknown): void {
    if (typeof data !== "string" || !data.includes("cf_agent_use_chat_response")) return;
    const frame: unknown = JSON.parse(data);
    if (typeof frame !== "object" || frame === null || !("type" in frame) || !("id" in frame)) return;
    if (frame.type !== "cf_agent_use_chat_response" || typeof frame.id !== "string") return;
    const ended = ("done" in frame && frame.done === true) || ("error" in frame && frame.error === true);
    if (ended) this.#running.delete(frame.id);
    else this.#running.add(frame.id);
  }

  /** A new connection tells anew what is running. */
  forget(): void {
    this.#running.clear();
  }

  /** The frames that ask the server to end what is running. */
  cancelFrames(): string[] {
    return [...this.#running].map((id) => JSON.stringify({ type: "cf_agent_chat_request_cancel", id }));
  }
}
