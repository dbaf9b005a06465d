const UNITS: Record<string, number> = { s: 1, min: 60, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `90`, `15m`, `12h`, `30d` as seconds; `null` when it is no span of time. */
export function secondsFrom(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)?$/.exec(text.trim().toLowerCase());
  if (!found) return null;
  return Number(found[1]) * (UNITS[found[2] ?? "s"] ?? 1);
}
