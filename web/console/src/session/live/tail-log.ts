import { describeFrame } from "cutty-chat/debug/frame-log.ts";

export interface TailFrame {
  /** Counts up from 1. */
  number: number;
  /** When it came here, milliseconds since 1970. */
  at: number;
  type: string;
  detail: string;
  text: string;
}

/** Frames that are kept; older ones are dropped. */
export const KEPT = 2000;

/** The last frames of a tail. While paused, frames are kept but not shown. */
export class TailLog {
  #frames: readonly TailFrame[] = [];
  #shown: readonly TailFrame[] = this.#frames;
  #count = 0;
  #paused = false;
  readonly #listeners = new Set<() => void>();

  add(lines: readonly string[], at: number): void {
    if (lines.length === 0) return;
    const fresh = lines.map((text) => ({ number: ++this.#count, at, ...describeFrame(text), text }));
    this.#frames = [...this.#frames, ...fresh].slice(-KEPT);
    if (!this.#paused) this.#show();
  }

  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#show();
  }

  clear(): void {
    this.#frames = [];
    this.#show();
  }

  /** All frames that came, also those that were dropped. */
  get count(): number {
    return this.#count;
  }

  /** Everything that is kept, as JSON lines. */
  text(): string {
    return this.#frames.map(({ text }) => `${text}\n`).join("");
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly frames = (): readonly TailFrame[] => this.#shown;

  #show(): void {
    this.#shown = this.#frames;
    for (const listener of this.#listeners) listener();
  }
}
