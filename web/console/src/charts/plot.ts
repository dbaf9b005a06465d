import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { pointLabel, scaleTop, type Series, stacked } from "./series.ts";

export interface Plan {
  /** Milliseconds since 1970 UTC, ascending, `step` apart. */
  at: readonly number[];
  step: "hour" | "day";
  series: readonly Series[];
  shape: "bars" | "lines";
  /** Whether the values can only be whole. */
  whole: boolean;
  /** The scale reaches at least so far, so that next to nothing does not look like much. */
  least: number;
  format: (value: number) => string;
  /** The point under the cursor; `null` when it leaves. */
  onPoint: (index: number | null) => void;
  /** A span that was marked by dragging, milliseconds. */
  onZoom: (from: number, to: number) => void;
}

const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];
const STEP_S = { hour: 3600, day: 86_400 };
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9, 1e10];

/** Draws one chart into an element. The colours are those the style sheet has at this moment. */
export function plot(into: HTMLElement, plan: Plan, width: number, height: number): UPlot {
  const colour = colours(into);
  const bars = plan.shape === "bars";
  const columns = bars ? stacked(plan.series) : plan.series.map(({ values }) => [...values]);
  const drawn = bars ? [...plan.series].reverse() : plan.series;
  const half = STEP_S[plan.step] / 2;
  const font = `11px ${getComputedStyle(into).fontFamily}`;
  const axis: UPlot.Axis = {
    stroke: colour("--text-soft"),
    font,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const paths = bars ? UPlot.paths.bars?.({ size: [0.72, 28] }) : UPlot.paths.linear?.();
  return new UPlot(
    {
      width,
      height,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "overview" },
        drag: { x: true, y: false, setScale: false },
        points: { show: !bars },
      },
      scales: {
        x: { time: false, range: (_, low, high) => [low - half, high + half] },
        y: { range: [0, scaleTop(columns, plan.least)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          splits: (_, _axis, low, high) => marks(plan, low, high, width),
          values: (_, splits) => splits.map((at) => pointLabel(at * 1000, plan.step, true)),
          size: 28,
        },
        {
          ...axis,
          values: (_, splits) => splits.map((value) => plan.format(value)),
          size: (_, values) => 14 + 6.4 * Math.max(3, ...(values ?? []).map((text) => text.length)),
          ...(plan.whole ? { incrs: WHOLE } : {}),
          space: 26,
        },
      ],
      series: [
        {},
        ...drawn.map((each, index) => ({
          label: each.label,
          stroke: colour(each.colour),
          // Dashes keep lines apart that lie on each other, and for those who do not see the colours.
          ...(bars ? { fill: colour(each.colour), width: 0 } : { width: 2, dash: DASHES[index % DASHES.length] ?? [] }),
          ...(paths ? { paths } : {}),
          points: bars ? { show: false } : { size: 6, fill: colour(each.colour), filter: (_: UPlot, of: number) => alone(columns[of - 1] ?? []) },
        })),
      ],
      hooks: {
        setCursor: [(self) => plan.onPoint(self.cursor.idx ?? null)],
        setSelect: [
          (self) => {
            if (self.select.width < 8) return;
            const from = self.posToVal(self.select.left, "x");
            const to = self.posToVal(self.select.left + self.select.width, "x");
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            plan.onZoom(Math.round(from * 1000), Math.round(to * 1000));
          },
        ],
      },
    },
    [plan.at.map((ms) => ms / 1000), ...columns] as UPlot.AlignedData,
    into,
  );
}

/** Values without a neighbour, which no line would show. */
function alone(values: readonly (number | null)[]): number[] {
  const there = (index: number) => values[index] !== null && values[index] !== undefined;
  return values.flatMap((_, index) => (there(index) && !there(index - 1) && !there(index + 1) ? [index] : []));
}

/** Points that get a mark: as many as fit, and for hours those at the turn of a day where there are many days. */
function marks(plan: Plan, low: number, high: number, width: number): number[] {
  const inside = plan.at.map((ms) => ms / 1000).filter((at) => at >= low && at <= high);
  const room = Math.max(2, Math.floor(width / 64));
  if (plan.step === "hour" && inside.length > 48) {
    const days = inside.filter((at) => new Date(at * 1000).getHours() === 0);
    return thin(days, room);
  }
  return thin(inside, room);
}

function thin(values: number[], room: number): number[] {
  const every = Math.ceil(values.length / room);
  return values.filter((_, index) => index % every === 0);
}

/** Reads a colour as the browser has resolved it, because a canvas does not know custom properties. */
function colours(near: HTMLElement): (property: string) => string {
  return (property) => {
    // An element for each, because one whose colour changes may do so as a transition, and be read half way.
    const probe = document.createElement("span");
    probe.style.color = `var(${property})`;
    near.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
}
