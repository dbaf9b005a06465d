/** One frame of the connection, as the debug panel shows it. */
export interface Frame {
  /** Counts up from 1 over the life of the log. */
  number: number;
  direction: "in" | "out";
  /** Milliseconds since 1970. */
  time: number;
  /** The frame's `type`, without the prefix that all of them share. */
  type: string;
  /** What is inside: the kind of chunk, the outcome, the request. Empty when there is nothing to add. */
  detail: string;
  /** Bytes in UTF-8. */
  size: number;
  /** The frame itself, cut off after `TEXT_LIMIT` characters. */
  text: string;
}

/** Frames that are kept; older ones are dropped. */
export const FRAME_LIMIT = 500;
/** Characters of a frame that are kept. */
export const TEXT_LIMIT = 20_000;

/** The last frames of one connection, both directions, for `useSyncExternalStore`. */
export class FrameLog {
  #frames: readonly Frame[] = [];
  #shown: readonly Frame[] = this.#frames;
  #count = 0;
  #paused = false;
  #scheduled = false;
  readonly #listeners = new Set<() => void>();
  readonly #schedule: (run: () => void) => void;

  /** `schedule` puts a run off, so that a burst of frames is shown with one update. */
  constructor(schedule: (run: () => void) => void) {
    this.#schedule = schedule;
  }

  record(direction: Frame["direction"], data: unknown, time: number): void {
    this.#count += 1;
    const text = typeof data === "string" ? data : "";
    const frame: Frame = {
      number: this.#count,
      direction,
      time,
      ...describeFrame(text),
      size: byteLength(data),
      text: text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text,
    };
    this.#frames = [...this.#frames.slice(-(FRAME_LIMIT - 1)), frame];
    if (!this.#paused) this.#update();
  }

  /** While paused, frames are still recorded but not shown. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#shown = this.#frames;
    this.#tell();
  }

  clear(): void {
    this.#frames = [];
    this.#shown = this.#frames;
    this.#tell();
  }

  get paused(): boolean {
    return this.#paused;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly frames = (): readonly Frame[] => this.#shown;

  #update(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      if (this.#paused) return;
      this.#shown = this.#frames;
      this.#tell();
    });
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The type and the gist of a frame's text. */
export function describeFrame(text: string): { type: string; detail: string } {
  const frame = parse(text);
  if (!frame) return { type: text ? "text" : "binary", detail: "" };
  const type = typeof frame.type === "string" ? frame.type : "object";
  return { type: type.replace(/^cf_agent_/, ""), detail: detailOf(frame) };
}

function detailOf(frame: Record<string, unknown>): string {
  if (frame.error === true) return `error: ${String(frame.body)}`;
  if (frame.done === true) return typeof frame.outcome === "string" ? `done, ${frame.outcome}` : "done";
  if (frame.replayComplete === true) return "replay complete";
  if (typeof frame.body === "string") {
    const chunk = parse(frame.body);
    const kind = typeof chunk?.type === "string" ? chunk.type : "";
    return frame.replay === true ? `${kind}, replay` : kind;
  }
  const init = frame.init;
  if (typeof init === "object" && init !== null && "body" in init && typeof init.body === "string") {
    const body = parse(init.body);
    return typeof body?.trigger === "string" ? body.trigger : "";
  }
  if (Array.isArray(frame.messages)) return `${frame.messages.length} messages`;
  for (const key of ["reason", "method", "name", "toolCallId"]) {
    const value = frame[key];
    if (typeof value === "string") return value;
  }
  return "";
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const encoder = new TextEncoder();

function byteLength(data: unknown): number {
  if (typeof data === "string") return encoder.encode(data).length;
  if (data instanceof Blob) return data.size;
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return data.byteLength;
  return 0;
}
