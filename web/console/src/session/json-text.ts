export type Checked = { ok: true; value: unknown } | { ok: false; message: string; line: number | null };

/** Whether a text is JSON; if not, what is wrong and, where the browser tells it, in which line. */
export function checkJson(text: string): Checked {
  if (!text.trim()) return { ok: false, message: "There is nothing here. Write null for a state of nothing.", line: null };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const line = /line (\d+)/.exec(message);
    const position = /position (\d+)/.exec(message);
    if (line) return { ok: false, message, line: Number(line[1]) };
    return { ok: false, message, line: position ? text.slice(0, Number(position[1])).split("\n").length : null };
  }
}

/**
 * JSON text with two blanks of indentation; a text that is none stays as it is. Works on the text, not on its value,
 * so that numbers larger than a browser can hold and keys that stand there twice come out as they went in.
 */
export function prettyJson(text: string): string {
  if (!checkJson(text).ok) return text;
  let depth = 0;
  let out = "";
  const newline = () => `\n${"  ".repeat(depth)}`;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g) ?? [];
  tokens.forEach((token, index) => {
    const empty = tokens[index + 1] === "]" || tokens[index + 1] === "}";
    if (token === "{" || token === "[") {
      depth += 1;
      out += token + (empty ? "" : newline());
    } else if (token === "}" || token === "]") {
      depth -= 1;
      const before = tokens[index - 1];
      out += (before === "{" || before === "[" ? "" : newline()) + token;
    } else if (token === ",") out += `,${newline()}`;
    else out += token === ":" ? ": " : token;
  });
  return out;
}
