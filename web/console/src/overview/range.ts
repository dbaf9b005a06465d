export const RANGES = {
  "1h": { name: "1 hour", ms: 3_600_000 },
  "24h": { name: "24 hours", ms: 86_400_000 },
  "7d": { name: "7 days", ms: 7 * 86_400_000 },
  "30d": { name: "30 days", ms: 30 * 86_400_000 },
} as const;

export type RangeName = keyof typeof RANGES | "custom";

export interface Range {
  name: RangeName;
  from: number;
  to: number;
  step: "hour" | "day";
}

const HOUR = 3_600_000;
/** From this length on, a point is a day. */
const DAYS_FROM = 10 * 86_400_000;

/** The span of time that an address asks for; the last 24 hours when it does not say, or says it wrongly. */
export function rangeOf(query: Readonly<Record<string, string>>, now: number, usual: keyof typeof RANGES = "24h"): Range {
  if (query.from && query.to) {
    const from = Number(query.from);
    const to = Number(query.to);
    if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from < to) {
      return { name: "custom", from, to, step: stepFor(to - from) };
    }
  }
  const name = isRangeName(query.range) ? query.range : usual;
  return { name, from: now - RANGES[name].ms, to: now, step: stepFor(RANGES[name].ms) };
}

/** What must be the same for an answer to be the same but for its age. */
export function rangeKey(query: Readonly<Record<string, string>>): string {
  return `${query.range ?? ""} ${query.from ?? ""} ${query.to ?? ""}`;
}

/** A span that was marked, widened to whole hours. */
export function wholeHours(from: number, to: number): { from: number; to: number } {
  return { from: Math.floor(from / HOUR) * HOUR, to: Math.max(Math.ceil(to / HOUR) * HOUR, Math.floor(from / HOUR) * HOUR + HOUR) };
}

function stepFor(ms: number): "hour" | "day" {
  return ms >= DAYS_FROM ? "day" : "hour";
}

function isRangeName(text: string | undefined): text is keyof typeof RANGES {
  return text !== undefined && Object.hasOwn(RANGES, text);
}
