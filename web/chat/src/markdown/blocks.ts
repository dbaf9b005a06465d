const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const DEFINITION = /^ {0,3}\[[^\]]+\]:/m;
const CONTINUES = /^(?: |\t|[-*+>|] ?|\d{1,9}[.)] )/;

/**
 * Cuts Markdown into blocks that can be parsed on their own, so that of an answer that grows only the last block is
 * parsed again. Cuts stand at blank lines outside of code fences, never inside a list or quotation. A text with link
 * definitions or footnotes stays whole, because they reach across blocks. Joining the blocks gives the text back.
 */
export function splitBlocks(text: string): string[] {
  if (DEFINITION.test(text)) return [text];
  const blocks: string[] = [];
  let current = "";
  let fence: string | null = null;
  let afterBlank = false;

  for (const line of text.split(/(?<=\n)/)) {
    const blank = line.trim() === "";
    if (fence === null && afterBlank && !blank && !CONTINUES.test(line)) {
      blocks.push(current);
      current = "";
    }
    current += line;
    fence = fenceAfter(line, fence);
    afterBlank = fence === null && blank;
  }
  if (current) blocks.push(current);
  return blocks;
}

function fenceAfter(line: string, fence: string | null): string | null {
  const mark = FENCE.exec(line)?.[1];
  if (mark === undefined) return fence;
  if (fence === null) return mark;
  const closes = mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark;
  return closes ? null : fence;
}
