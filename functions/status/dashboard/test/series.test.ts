import { expect, test } from "vitest";
import type { Point, Statistics } from "../src/api/types";
import { charts, extent, isEmpty, stacked } from "../src/charts/series";
import { text } from "../src/i18n";

const point = (at: string, more: Partial<Point> = {}): Point => ({
  at,
  runs: 0,
  completed: 0,
  partial: 0,
  failed: 0,
  averageSeconds: null,
  p95Seconds: null,
  rows: 0,
  rowsPerSecond: null,
  inserted: 0,
  updated: 0,
  deleted: 0,
  rejected: 0,
  ...more,
});

const statistics = (more: Partial<Statistics> = {}): Statistics => ({
  range: "24h",
  bucketSeconds: 60,
  from: "2026-11-25T00:00:00Z",
  to: "2026-11-25T00:02:00Z",
  points: [point("2026-11-25T00:00:00Z"), point("2026-11-25T00:01:00Z")],
  errors: [
    { at: "2026-11-25T00:00:00Z", byType: {} },
    { at: "2026-11-25T00:01:00Z", byType: {} },
  ],
  errorTotals: {},
  ...more,
});

const { m, f } = text("en");

test("series stand upon each other", () => {
  expect(
    stacked([
      [1, 0, null],
      [2, 3, 4],
    ]),
  ).toEqual([
    [1, 0, 0],
    [3, 3, 4],
  ]);
});

test("a time without runs draws nothing and says so", () => {
  const drawn = charts(statistics(), m, f);
  expect(drawn.map((chart) => [chart.id, isEmpty(chart)])).toEqual([
    ["duration", true],
    ["throughput", true],
    ["errors", true],
    ["runs", true],
  ]);
});

test("only error types that occurred have a series, beside their sum", () => {
  const errors = [
    { at: "2026-11-25T00:00:00Z", byType: { validation: 3 } },
    { at: "2026-11-25T00:01:00Z", byType: { validation: 1, conflict: 2 } },
  ];
  const chart = charts(statistics({ errors, errorTotals: { validation: 4, conflict: 2 } }), m, f)[2];
  expect(chart?.series.map(({ label, values }) => [label, values])).toEqual([
    ["Cell value", [3, 1]],
    ["Conflict", [0, 2]],
  ]);
  expect(chart?.total).toBe("Total 6");
});

test("a point stands in the middle of its bucket", () => {
  const chart = charts(statistics(), m, f)[0];
  expect(chart?.at[0]).toBe(Date.parse("2026-11-25T00:00:30Z") / 1000);
});

test("the extent leaves out what is not known", () => {
  expect(extent([null, 3, 1, null])).toEqual([1, 3]);
  expect(extent([null])).toBeNull();
});
