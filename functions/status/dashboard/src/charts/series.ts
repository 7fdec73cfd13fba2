// From the API's statistics to what is drawn: pure, so that it is tested without a canvas.

import type { ErrorType, Statistics } from "../api/types";
import { ERROR_TYPES } from "../api/types";
import type { Format } from "../format";
import type { Messages } from "../i18n/en";

export interface Series {
  label: string;
  /** Which of the colours `--series-…` in tokens.css. */
  color: string;
  dashed?: boolean;
  values: (number | null)[];
}

export interface ChartData {
  id: string;
  title: string;
  /** Lines, or bars that stand on each other. */
  kind: "lines" | "bars";
  /** The middles of the buckets, in seconds. */
  at: number[];
  bucketSeconds: number;
  series: Series[];
  /** The whole, in words; it stands beside the title. */
  total: string;
  empty: string;
  value: (value: number | null) => string;
}

export function charts(data: Statistics, m: Messages, f: Format): ChartData[] {
  const { points, bucketSeconds } = data;
  const middle = (at: string) => Date.parse(at) / 1000 + bucketSeconds / 2;
  const at = points.map((point) => middle(point.at));
  const runs = points.reduce((sum, point) => sum + point.runs, 0);
  const shared = { bucketSeconds, at };
  const types = ERROR_TYPES.filter((type) => (data.errorTotals[type] ?? 0) > 0);
  const errors = Object.values(data.errorTotals).reduce((sum, n) => sum + n, 0);
  return [
    {
      ...shared,
      id: "duration",
      title: m.chart.duration,
      kind: "lines",
      series: [
        { label: m.chart.average, color: "1", values: points.map((point) => point.averageSeconds) },
        { label: m.chart.p95, color: "2", dashed: true, values: points.map((point) => point.p95Seconds) },
      ],
      total: "",
      empty: m.chart.noData,
      value: f.duration,
    },
    {
      ...shared,
      id: "throughput",
      title: m.chart.throughput,
      kind: "lines",
      series: [
        { label: m.chart.rowsPerSecond, color: "3", values: points.map((point) => point.rowsPerSecond) },
      ],
      total: "",
      empty: m.chart.noData,
      value: (value) => (value === null ? m.none : f.quantity(value)),
    },
    {
      ...shared,
      id: "errors",
      title: m.chart.errors,
      kind: "bars",
      at: data.errors.map((bucket) => middle(bucket.at)),
      series: types.map((type) => ({
        label: m.errorType[type],
        color: ERROR_COLOR[type],
        values: data.errors.map((bucket) => bucket.byType[type] ?? 0),
      })),
      total: errors === 0 ? "" : m.chart.total(f.count(errors)),
      empty: m.chart.noErrors,
      value: (value) => f.count(value ?? 0),
    },
    {
      ...shared,
      id: "runs",
      title: m.chart.runs,
      kind: "bars",
      series:
        runs === 0
          ? []
          : (["completed", "partial", "failed"] as const).map((status) => ({
              label: m.status[status],
              color: status,
              values: points.map((point) => point[status]),
            })),
      total: runs === 0 ? "" : m.chart.total(f.count(runs)),
      empty: m.chart.noData,
      value: (value) => f.count(value ?? 0),
    },
  ];
}

const ERROR_COLOR: Record<ErrorType, string> = {
  validation: "4",
  conflict: "2",
  database: "failed",
  network: "1",
  rate_limit: "5",
  permission: "6",
  unknown: "7",
};

/** Each series upon those before it. */
export function stacked(series: (number | null)[][]): number[][] {
  const top: number[] = [];
  return series.map((values) =>
    values.map((value, index) => {
      const sum = (top[index] ?? 0) + (value ?? 0);
      top[index] = sum;
      return sum;
    }),
  );
}

/** Whether there is anything to draw. */
export function isEmpty(chart: Pick<ChartData, "series">): boolean {
  return chart.series.every((series) => series.values.every((value) => value === null || value === 0));
}

/** The smallest and the largest value of a series. */
export function extent(values: (number | null)[]): [number, number] | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : [Math.min(...known), Math.max(...known)];
}
