/** A message as the store has it: written by clients and models, so nothing about it is certain. */
export interface Message {
  id: string;
  role: string;
  parts: Part[];
  raw: unknown;
}

export type Part =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "file"; name: string; mediaType: string; url: string }
  | { kind: "source"; title: string; url: string }
  | { kind: "tool"; name: string; state: string; input: unknown; output: unknown; error: string }
  | { kind: "other"; name: string; value: unknown };

/** A stored message made ready to be shown; what cannot be understood is shown as it is. */
export function readMessage(raw: unknown, index: number): Message {
  const message = record(raw);
  const parts = Array.isArray(message.parts) ? message.parts : [];
  return {
    id: text(message.id) || String(index),
    role: text(message.role) || "unknown",
    parts: parts.map(readPart).filter((part) => part !== null),
    raw,
  };
}

function readPart(raw: unknown): Part | null {
  const part = record(raw);
  const type = text(part.type);
  switch (type) {
    case "text":
      return text(part.text) ? { kind: "text", text: text(part.text) } : null;
    case "reasoning":
      return text(part.text) ? { kind: "reasoning", text: text(part.text) } : null;
    case "file":
      return { kind: "file", name: text(part.filename), mediaType: text(part.mediaType), url: text(part.url) };
    case "source-url":
      return { kind: "source", title: text(part.title), url: text(part.url) };
    case "step-start":
      return null;
  }
  if (type === "dynamic-tool" || type.startsWith("tool-")) {
    return {
      kind: "tool",
      name: type === "dynamic-tool" ? text(part.toolName) || "tool" : type.slice(5),
      state: text(part.state),
      input: part.input,
      output: part.output,
      error: text(part.errorText),
    };
  }
  return { kind: "other", name: type || "unknown", value: raw };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
