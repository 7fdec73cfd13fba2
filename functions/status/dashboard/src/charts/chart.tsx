// One chart: uPlot draws it, the legend and the table beside it say the same in text.

import "uplot/dist/uPlot.min.css";

import uPlot from "uplot";
import { useEffect, useRef, useState } from "preact/hooks";
import { useText } from "../i18n";
import { extent, isEmpty, stacked, type ChartData } from "./series";

const HEIGHT = 176;
/** More points than these are not marked each. */
const MARKED = 80;

interface Props extends ChartData {
  /** From and to, in seconds. */
  span: [number, number];
  rangeName: string;
}

export function Chart(props: Props) {
  const { m, f } = useText();
  const [cursor, setCursor] = useState<number | null>(null);
  const nothing = isEmpty(props);
  const at = cursor === null ? undefined : props.at[cursor];
  return (
    <figure class="card chart" data-chart={props.id}>
      <figcaption>
        <h3>{props.title}</h3>
        <span class="note">{at === undefined ? props.total : f.dateTime(at * 1000)}</span>
      </figcaption>
      <ul class="legend">
        {props.series.map((series) => (
          <li key={series.label}>
            <span class={`swatch series-${series.color} ${series.dashed === true ? "dashed" : ""}`} />
            {series.label}
            <strong>{cursor === null ? "" : props.value(series.values[cursor] ?? null)}</strong>
          </li>
        ))}
      </ul>
      {nothing ? (
        <p class="plot nothing">{props.empty}</p>
      ) : (
        <>
          <div
            role="img"
            aria-label={m.chart.summary(props.title, props.rangeName, summary(props, m.chart.between))}
          >
            <Plot {...props} onCursor={setCursor} />
          </div>
          <Numbers {...props} />
        </>
      )}
    </figure>
  );
}

function summary({ series, value }: Props, between: (low: string, high: string) => string): string {
  return series
    .map(({ label, values }) => {
      const found = extent(values);
      return found === null ? label : `${label} ${between(value(found[0]), value(found[1]))}`;
    })
    .join("; ");
}

function Plot(props: Props & { onCursor: (index: number | null) => void }) {
  const { f } = useText();
  const place = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([props.kind, props.at, props.series, props.span]);

  useEffect(() => {
    const target = place.current;
    if (target === null) return;
    const { kind, at, series, span, value, onCursor } = latest.current;
    const ink = color("ink-quiet", target);
    const bars = kind === "bars";
    // The highest of a stack is drawn first, so that the lower ones stand before it.
    const tops = bars ? stacked(series.map((one) => one.values)) : series.map((one) => one.values);
    const order = series.map((_, index) => (bars ? series.length - 1 - index : index));
    const font = getComputedStyle(document.documentElement).fontFamily;
    const axis: uPlot.Axis = {
      stroke: ink,
      font: `11px ${font}`,
      grid: { stroke: color("line", target), width: 1 },
      ticks: { show: false },
    };
    const plot = new uPlot(
      {
        width: Math.max(120, target.clientWidth),
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: !bars } },
        scales: {
          x: { time: true, range: () => span },
          y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            values: (_, ticks) => ticks.map((tick) => f.axis(tick, span[1] - span[0])),
            space: 64,
            size: 26,
          },
          {
            ...axis,
            size: widest,
            ...(bars && { incrs: WHOLE }),
            values: (_, ticks) => ticks.map(value),
          },
        ],
        series: [
          {},
          ...order.map((index): uPlot.Series => {
            const one = series[index];
            const stroke = color(`series-${one?.color ?? "1"}`, target);
            if (bars)
              return {
                fill: stroke,
                stroke,
                width: 0,
                points: { show: false },
                paths: barPaths(),
              };
            return {
              stroke,
              width: 2,
              spanGaps: true,
              ...(one?.dashed === true && { dash: [5, 4] }),
              points: { show: known(one?.values ?? []) <= MARKED, size: 6, fill: stroke },
            };
          }),
        ],
        hooks: { setCursor: [(self) => onCursor(self.cursor.idx ?? null)] },
      },
      [at, ...order.map((index) => tops[index] ?? [])],
      target,
    );
    const resized = new ResizeObserver(() =>
      plot.setSize({ width: Math.max(120, target.clientWidth), height: HEIGHT }),
    );
    resized.observe(target);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [shape, theme, f]);

  return <div class="plot" ref={place} />;
}

/** Steps of an axis on which things are counted. */
const WHOLE = [1, 2, 5]
  .flatMap((step) => Array.from({ length: 10 }, (_, power) => step * 10 ** power))
  .sort((a, b) => a - b);

/** An axis is as wide as what stands beside it: a unit may be one letter or four. */
function widest(plot: uPlot, values: string[] | null, axis: number): number {
  // uPlot keeps a font as what a canvas takes, already in the device's pixels.
  plot.ctx.font = (plot.axes[axis]?.font as unknown as [string])[0];
  const widths = (values ?? []).map((value) => plot.ctx.measureText(value).width / devicePixelRatio);
  return Math.max(24, ...widths) + 14;
}

const known = (values: (number | null)[]) => values.filter((value) => value !== null).length;

function barPaths(): uPlot.Series.PathBuilder {
  const build = uPlot.paths.bars?.({ size: [0.8, 48], align: 0 });
  if (build === undefined) throw new Error("this uPlot cannot draw bars");
  return build;
}

/** A colour of tokens.css as a canvas takes it: worked out by the browser, for the appearance that is on. */
function color(name: string, near: HTMLElement): string {
  const probe = near.appendChild(document.createElement("span"));
  probe.style.color = `var(--${name})`;
  const worked = getComputedStyle(probe).color;
  probe.remove();
  return worked;
}

/** Changes when the colours do. */
function useTheme(): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const again = () => setTurn((n) => n + 1);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    window.addEventListener("sheetsync-theme", again);
    return () => {
      dark.removeEventListener("change", again);
      window.removeEventListener("sheetsync-theme", again);
    };
  }, []);
  return turn;
}

/** The same as a table, of the buckets in which there was something. */
function Numbers({ at, series, value, title }: Props) {
  const { m, f } = useText();
  const [open, setOpen] = useState(false);
  const rows = at.flatMap((moment, index) =>
    series.some(({ values }) => (values[index] ?? 0) !== 0) ? [{ moment, index }] : [],
  );
  return (
    <details class="numbers" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {m.chart.asTable}
        <span class="visually-hidden"> ({title})</span>
      </summary>
      {open && (
        <div class="scroll" tabIndex={0} role="region" aria-label={title}>
          <table>
            <thead>
              <tr>
                <th scope="col">{m.chart.time}</th>
                {series.map(({ label }) => (
                  <th scope="col" class="number" key={label}>
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ moment, index }) => (
                <tr key={moment}>
                  <th scope="row">{f.dateTime(moment * 1000)}</th>
                  {series.map(({ label, values }) => (
                    <td class="number" key={label}>
                      {value(values[index] ?? null)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
