export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
  /** Line numbers from 1 in the old and the new text; `null` where the line is not there. */
  before: number | null;
  after: number | null;
}

/** Cells of the table of common lines; a middle larger than that is shown as replaced. */
const MAX_CELLS = 4_000_000;

/** How one text becomes another, line by line: a shortest list of removals and additions. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;

  const lines: DiffLine[] = [];
  const same = (from: number, to: number, shift: number) => {
    for (let i = from; i < to; i++) lines.push({ kind: "same", text: a[i] as string, before: i + 1, after: i + 1 + shift });
  };
  same(0, head, 0);
  middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), head, lines);
  same(a.length - tail, a.length, b.length - a.length);
  return lines;
}

function middle(a: string[], b: string[], offset: number, into: DiffLine[]): void {
  const removed = (i: number) => into.push({ kind: "removed", text: a[i] as string, before: offset + i + 1, after: null });
  const added = (j: number) => into.push({ kind: "added", text: b[j] as string, before: null, after: offset + j + 1 });
  if (a.length * b.length > MAX_CELLS) {
    a.forEach((_, i) => removed(i));
    b.forEach((_, j) => added(j));
    return;
  }
  // common[i][j]: how many lines the rests of a from i and of b from j have in common.
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      into.push({ kind: "same", text: a[i] as string, before: offset + i + 1, after: offset + j + 1 });
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || at(i + 1, j) >= at(i, j + 1))) removed(i++);
    else added(j++);
  }
}

/** The changed lines with `context` lines around them; `null` stands for lines that are left out. */
export function hunks(lines: readonly DiffLine[], context = 3): (DiffLine | null)[] {
  const keep = new Set<number>();
  lines.forEach((line, index) => {
    if (line.kind === "same") return;
    for (let near = index - context; near <= index + context; near++) keep.add(near);
  });
  const shown: (DiffLine | null)[] = [];
  lines.forEach((line, index) => {
    if (keep.has(index)) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  });
  return shown;
}
