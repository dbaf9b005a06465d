import type { Message, Part } from "./message.ts";

/** One UI message chunk of AI SDK 5 to 7, as far as the widget looks at it. */
export interface Chunk {
  type: string;
  id?: string;
  delta?: string;
  toolCallId?: string;
  toolName?: string;
  [field: string]: unknown;
}

/** Chunks whose part is the chunk itself. */
const WHOLE = new Set(["file", "source-url", "source-document", "reasoning-file", "custom"]);
const SETTLED = new Set(["output-available", "output-error", "output-denied"]);

/**
 * Folds chunks into the parts of one message, in place. Chunks that make no sense where they come are passed over: a
 * widget that shows most of an answer serves better than one that shows an error.
 */
export class Fold {
  readonly message: Message;
  /** Ids of open text and reasoning parts; an id may be used again in a later step. */
  readonly #open = new Map<string, Part>();
  readonly #inputs = new Map<string, string>();

  constructor(message: Message) {
    this.message = message;
  }

  apply(chunk: Chunk): void {
    const { type } = chunk;
    if (type === "start-step") this.#parts.push({ type: "step-start" });
    else if (type === "finish-step") this.#open.clear();
    else if (type === "reset-step") this.#resetStep();
    else if (/^(text|reasoning)-(start|delta|end)$/.test(type)) this.#text(chunk);
    else if (type.startsWith("tool-")) this.#tool(chunk);
    else if (WHOLE.has(type)) this.#parts.push({ ...chunk });
    else if (type.startsWith("data-")) this.#data(chunk);
    if (chunk.messageMetadata) this.message.metadata = { ...(this.message.metadata as object), ...chunk.messageMetadata };
  }

  /** The stream has ended, well or not: nothing of the message grows any more. */
  finish(): void {
    for (const part of this.#parts) if (part.state === "streaming") part.state = "done";
  }

  get #parts(): Part[] {
    return this.message.parts;
  }

  #text(chunk: Chunk): void {
    const [type, step] = chunk.type.split("-") as ["text" | "reasoning", string];
    const key = `${type}:${chunk.id ?? ""}`;
    let part = this.#open.get(key);
    if (step === "end") {
      if (part) part.state = "done";
      this.#open.delete(key);
      return;
    }
    if (!part) {
      const last = this.#parts.at(-1);
      // A continuation goes on in a part that is still open; its start was not sent again.
      part = step === "delta" && last?.type === type && last.state === "streaming" ? last : undefined;
      if (!part) this.#parts.push((part = { type, text: "", state: "streaming" }));
      this.#open.set(key, part);
    }
    if (step === "delta") part.text = (part.text ?? "") + (chunk.delta ?? "");
  }

  #tool(chunk: Chunk): void {
    const id = chunk.toolCallId;
    const approval = chunk.approvalId as string | undefined;
    let part = this.#parts.find((each) =>
      id === undefined ? approval !== undefined && each.approval?.id === approval : each.toolCallId === id,
    );
    if (!part) {
      if (!chunk.toolName || id === undefined) return;
      const { toolName } = chunk;
      part = chunk.dynamic ? { type: "dynamic-tool", toolName } : { type: `tool-${toolName}` };
      Object.assign(part, { toolCallId: id, state: "input-streaming" }, chunk.title ? { title: chunk.title } : {});
      this.#parts.push(part);
    }
    const settled = SETTLED.has(part.state ?? "");
    switch (chunk.type) {
      case "tool-input-delta":
        if (part.state === "input-streaming") {
          this.#inputs.set(id!, (this.#inputs.get(id!) ?? "") + String(chunk.inputTextDelta ?? ""));
        }
        break;
      case "tool-input-available":
        part.input ??= chunk.input;
        if (part.state === "input-streaming") part.state = "input-available";
        break;
      case "tool-input-error":
        if (!settled) Object.assign(part, { state: "output-error", input: chunk.input, errorText: chunk.errorText });
        break;
      case "tool-approval-request":
        if (settled || part.state === "approval-responded") break;
        part.input ??= parsed(this.#inputs.get(id!));
        Object.assign(part, { state: "approval-requested", approval: { id: approval } });
        break;
      case "tool-approval-response":
        if (!settled) Object.assign(part, { state: "approval-responded" });
        part.approval = { ...part.approval, approved: chunk.approved === true };
        break;
      case "tool-output-available":
        Object.assign(part, { state: "output-available", output: chunk.output, preliminary: chunk.preliminary });
        break;
      case "tool-output-error":
        Object.assign(part, { state: "output-error", errorText: chunk.errorText });
        break;
      case "tool-output-denied":
        if (!settled) part.state = "output-denied";
    }
  }

  #data(chunk: Chunk): void {
    if (chunk.transient) return;
    const known = chunk.id && this.#parts.find((part) => part.type === chunk.type && part.id === chunk.id);
    if (known) known.data = chunk.data;
    else this.#parts.push({ ...chunk });
  }

  /** AI SDK 7: the step is tried again, what it has said so far does not count. */
  #resetStep(): void {
    const start = this.#parts.findLastIndex(({ type }) => type === "step-start");
    this.#parts.splice(start + 1);
    this.#open.clear();
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return text;
  }
}
