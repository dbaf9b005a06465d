import type { UIMessage } from "ai";

/** The words of a message, as Markdown; what copying and editing work on. */
export function messageText(message: UIMessage): string {
  return message.parts
    .flatMap((part) => (part.type === "text" && part.text ? [part.text] : []))
    .join("\n\n");
}

/** The parts of a message after its words were changed: the new text, then everything that was not text. */
export function partsWithText(message: UIMessage, text: string): UIMessage["parts"] {
  return [{ type: "text", text }, ...message.parts.filter(({ type }) => type !== "text")];
}

/** Whether there is anything to see in the message yet. */
export function isVisible(message: UIMessage): boolean {
  return message.parts.some((part) => {
    if (part.type === "text" || part.type === "reasoning") return part.text.trim() !== "";
    return part.type !== "step-start";
  });
}
