/** Lets the browser save a file. */
export function saveFile(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A name made of an id, without what file systems do not like. */
export function fileName(id: string, extension: string): string {
  return `${id.replace(/[^A-Za-z0-9_.-]/g, "-").slice(0, 100)}.${extension}`;
}
