/** Figures and times as people read them. Every function takes what the API gives, in its units. */

const DASH = "–";
const GROUPED = new Intl.NumberFormat("en-US");
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** `12,345`. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : GROUPED.format(value);
}

/** `1 turn`, `2,000 turns`. */
export function counted(value: number, thing: string): string {
  return `${GROUPED.format(value)} ${thing}${value === 1 ? "" : "s"}`;
}

/** `12.3K` from ten thousand on, whole below. */
export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  return Math.abs(value) < 10_000 ? GROUPED.format(value) : COMPACT.format(value);
}

/** Billionths of a US dollar as dollars: two decimals from a dollar on, and as many as small sums need. */
export function money(nano: number | null | undefined): string {
  if (nano === null || nano === undefined) return DASH;
  const dollars = nano / 1e9;
  const size = Math.abs(dollars);
  if (size === 0) return "$0";
  if (size < 0.000001) return dollars < 0 ? "−<$0.000001" : "<$0.000001";
  const decimals = size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
  const text = size.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: decimals });
  return `${dollars < 0 ? "−" : ""}$${text}`;
}

/** Dollars that an operator types, as billionths; `null` when they are no amount. */
export function nanoFromDollars(text: string): number | null {
  const value = Number(text.replace(/^\$/, "").trim());
  return text.trim() === "" || !Number.isFinite(value) || value < 0 ? null : Math.round(value * 1e9);
}

/** `840 ms`, `1.24 s`, `2 min 5 s`, `3 h 20 min`, `4 d 2 h`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return DASH;
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 1000) return `${ms < 10 && ms % 1 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1).replace(/\.?0+$/, "")} s`;
  const whole = Math.round(seconds);
  const units: [number, string][] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([size]) => whole >= size);
  const [size, name] = units[first] as [number, string];
  const next = units[first + 1];
  const rest = next ? Math.floor((whole % size) / next[0]) : 0;
  return `${Math.floor(whole / size)} ${name}${rest && next ? ` ${rest} ${next[1]}` : ""}`;
}

/** `just now`, `5 min ago`, `in 3 h`. */
export function ago(at: number | null | undefined, now: number): string {
  if (!at) return DASH;
  const away = now - at;
  if (Math.abs(away) < 5000) return "just now";
  const rough = roughly(Math.abs(away));
  return away > 0 ? `${rough} ago` : `in ${rough}`;
}

/** The largest unit only: `5 min`, `3 h`. */
export function roughly(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ];
  const [size, name] = units.find(([size]) => ms >= size) ?? [1000, "s"];
  return `${Math.floor(ms / size)} ${name}`;
}

/** `2026-03-01 14:05:09` in this browser's time zone. */
export function dateTime(at: number | null | undefined): string {
  if (!at) return DASH;
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at)}`;
}

/** `14:05:09`, with `.042` when milliseconds are wanted. */
export function clock(at: number, milliseconds = false): string {
  const date = new Date(at);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return milliseconds ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** `12 B`, `3.4 KB`, `2.1 MB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  return value < 1024 ** 2 ? `${(value / 1024).toFixed(1)} KB` : `${(value / 1024 ** 2).toFixed(1)} MB`;
}

/** `3.2 %`; a dash when there is nothing to have a share of. */
export function share(part: number, whole: number): string {
  return whole ? `${((100 * part) / whole).toFixed(1).replace(/\.0$/, "")} %` : DASH;
}

/** A setting's value in one line. */
export function value(of: unknown): string {
  if (of === null || of === undefined) return DASH;
  if (typeof of === "string") return of === "" ? "“”" : of;
  if (typeof of === "number") return Number.isInteger(of) && Math.abs(of) >= 10_000 ? count(of) : String(of);
  if (typeof of === "boolean") return of ? "yes" : "no";
  if (Array.isArray(of)) return of.length ? of.map(value).join(", ") : "none";
  return JSON.stringify(of);
}

/** Whose a session is, in words: the API gives an empty owner for sessions made without an access rule. */
export function ownerName(owner: string): string {
  return owner === "" ? "nobody" : owner;
}

/** For a `datetime-local` field, in this browser's time zone. */
export function localInput(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
