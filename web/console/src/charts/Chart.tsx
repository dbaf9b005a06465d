import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type UPlot from "uplot";
import type { Plan } from "./plot.ts";
import { pointLabel } from "./series.ts";

interface Props extends Pick<Plan, "at" | "step" | "series" | "shape" | "onZoom"> {
  title: string;
  testId: string;
  /** What the whole range comes to. */
  total: string;
  whole?: boolean;
  least?: number;
  format: (value: number | null) => string;
  /** Changes when the colours do. */
  theme: string;
}

const HEIGHT = 170;

/** A chart over time with its legend. The code that draws is loaded with the first chart. */
export function Chart(props: Props) {
  const { title, testId, total, at, step, series, shape, format, theme } = props;
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [point, setPoint] = useState<number | null>(null);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let gone = false;
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    void import("./plot.ts").then(({ plot }) => {
      if (gone) return;
      const { whole = false, least = whole ? 4 : 0 } = latest.current;
      const plan: Plan = { at, step, series, shape, whole, least, format, onPoint: setPoint, onZoom: (from, to) => latest.current.onZoom(from, to) };
      chart.current = plot(element, plan, element.clientWidth, HEIGHT);
      element.dataset.drawn = "true";
      resized.observe(element);
    });
    return () => {
      gone = true;
      resized.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [at, step, series, shape, format, theme]);

  const moved = (event: KeyboardEvent) => {
    const plotted = chart.current;
    if (!plotted || at.length === 0) return;
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -at.length, End: at.length };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const from = point ?? (by < 0 ? at.length : -1);
    const to = Math.min(Math.max(from + by, 0), at.length - 1);
    const left = plotted.valToPos((at[to] as number) / 1000, "x");
    plotted.setCursor({ left, top: 10 });
  };

  const shown = point !== null && point < at.length ? point : null;
  return (
    <figure className="chart" data-testid={testId}>
      <figcaption>
        <h3>{title}</h3>
        <span className="chart-total" data-testid={`${testId}-total`}>
          {total}
        </span>
      </figcaption>
      <div
        className="chart-box"
        ref={box}
        role="img"
        tabIndex={0}
        aria-label={`${title}: ${total}. Left and right go through the points.`}
        onKeyDown={moved}
      />
      <div className="legend" aria-live="polite">
        {series.map((each) => (
          <span key={each.label} className="legend-item">
            <i className="legend-mark" style={{ background: `var(${each.colour})` }} />
            {each.label}
            {shown !== null && <b>{format(each.values[shown] ?? null)}</b>}
          </span>
        ))}
        <span className="legend-when">{shown !== null && pointLabel(at[shown] as number, step, false)}</span>
      </div>
    </figure>
  );
}
