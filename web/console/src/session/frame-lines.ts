/** Cuts a stream of bytes into lines; what comes after the last newline waits for more. */
export class LineCutter {
  readonly #decoder = new TextDecoder();
  #rest = "";

  push(bytes: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.filter((line) => line !== "");
  }
}

/** Whether a frame has every word of a filter in its text, in any case. A word with `-` before it must not be there. */
export function matches(text: string, filter: string): boolean {
  const lower = text.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word && word !== "-")
    .every((word) => (word.startsWith("-") ? !lower.includes(word.slice(1)) : lower.includes(word)));
}
