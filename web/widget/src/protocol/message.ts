/** A message as the server stores it: the AI SDK's UI message, as far as the widget looks at it. */
export interface Message {
  id: string;
  role: "user" | "assistant" | "system";
  parts: Part[];
  metadata?: unknown;
}

/** A part of any kind; kinds and fields the widget does not know are kept as they are. */
export interface Part {
  type: string;
  text?: string;
  state?: string;
  toolCallId?: string;
  toolName?: string;
  title?: string;
  input?: unknown;
  output?: unknown;
  errorText?: string;
  approval?: { id?: string; approved?: boolean; reason?: string };
  url?: string;
  filename?: string;
  mediaType?: string;
  [field: string]: unknown;
}

/** The words of a message, without reasoning and tools. */
export function textOf(message: Message): string {
  return message.parts
    .filter(({ type }) => type === "text")
    .map(({ text }) => text ?? "")
    .join("\n\n")
    .trim();
}

export function isTool(part: Part): boolean {
  return part.type === "dynamic-tool" || part.type.startsWith("tool-");
}

/** What the tool is called, for people: `get_weather` and `getWeather` are both "get weather". */
export function toolTitle(part: Part): string {
  const name = part.title ?? part.toolName ?? part.type.replace(/^tool-/, "");
  return name.replace(/[_-]+/g, " ").replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

/** Whether `value` is a message as the widget can show it; an older server or a damaged row may hold others. */
export function isMessage(value: unknown): value is Message {
  if (typeof value !== "object" || value === null) return false;
  const { id, role, parts } = value as Partial<Message>;
  return typeof id === "string" && ["user", "assistant", "system"].includes(role as string) && Array.isArray(parts);
}
