/** One line or one kind of bar of a chart. */
export interface Series {
  label: string;
  /** Name of a CSS custom property, for example `--chart-1`. */
  colour: string;
  /** One value a point; `null` where there is none. */
  values: readonly (number | null)[];
}

/** What is drawn for stacked series: each one lies on top of those before it. The topmost comes first, to be drawn behind. */
export function stacked(series: readonly Series[]): (number | null)[][] {
  const sums: number[] = [];
  return series
    .map(({ values }) =>
      values.map((value, index) => {
        sums[index] = (sums[index] ?? 0) + (value ?? 0);
        return sums[index] as number;
      }),
    )
    .reverse();
}

/** The top of a scale that holds every value with a little room, and at least `least`. */
export function scaleTop(columns: readonly (readonly (number | null)[])[], least: number): number {
  const top = columns.reduce((most, values) => values.reduce<number>((max, value) => Math.max(max, value ?? 0), most), 0);
  return Math.max(top * 1.08, least);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The mark below a point: a day in UTC, because days are added up in UTC; an hour in this browser's time zone. */
export function pointLabel(at: number, step: "hour" | "day", short: boolean): string {
  const date = new Date(at);
  if (step === "day") return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}${short ? "" : " UTC"}`;
  const hour = `${String(date.getHours()).padStart(2, "0")}:00`;
  const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  if (short) return date.getHours() === 0 ? day : hour;
  return `${day} ${hour}`;
}
