// Small rules of the screens.

import { describe, expect, test } from "vitest";
import { keysOf, lastSegment } from "../src/actions/start-run";
import { pause } from "../src/poll";
import { PARTS } from "../src/screens/counts";
import { byColumn } from "../src/screens/waiting";
import { timeLeft } from "../src/ui/progress";
import { asText, grouped } from "../src/ui/value";
import { text } from "../src/i18n";

describe("row keys as people paste them", () => {
  test("one a line, without blanks and doubles; commas and spaces belong to the key", () => {
    expect(keysOf(' AA1 \r\nAA2\n\nAA1\n["A","1"]\nA B, C')).toEqual(["AA1", "AA2", '["A","1"]', "A B, C"]);
  });
});

test("the plan's id is the last part of its address", () => {
  expect(lastSegment("/api/plans/0190")).toBe("0190");
});

describe("how long until the server is asked again", () => {
  test("each second while something runs", () => expect(pause(true, 9, 0)).toBe(1000));
  test("seldomer the longer nothing runs, but no less than twice a minute", () => {
    expect([0, 6, 12, 18, 600].map((quiet) => pause(false, quiet, 0))).toEqual([
      5000, 10000, 20000, 30000, 30000,
    ]);
  });
  test("less and less often while it does not answer", () => {
    expect([1, 2, 3, 10].map((failures) => pause(true, 0, failures))).toEqual([2000, 4000, 8000, 30000]);
  });
});

describe("the time that is left", () => {
  const { m, f } = text("en");
  const left = (seconds: number | null) =>
    timeLeft(seconds, m.progress.left, m.progress.finishing, f.duration);
  test.each([
    [null, ""],
    [1, "finishing up"],
    [7.2, "about 8 s left"],
    [42, "about 45 s left"],
    [185, "about 3 min 30 s left"],
    [1000, "about 17 min left"],
  ])("of %d s is rounded as people would", (seconds, expected) => {
    expect(left(seconds)).toBe(expected);
  });
});

test("a sheet's value is shown unchanged", () => {
  expect(asText("<script>alert(1)</script>")).toBe("<script>alert(1)</script>");
  expect(asText(["a", 1])).toBe('["a",1]');
  expect(asText(false)).toBe("false");
});

test("numbers have separators, and no digit is lost", () => {
  expect(["30030000", "-1234.5678", "12345678901234567890", "120"].map(grouped)).toEqual([
    "30,030,000",
    "-1,234.5678",
    "12,345,678,901,234,567,890",
    "120",
  ]);
  expect(["12a", "2024-03-01", "1,5", ""].map(grouped)).toEqual(["12a", "2024-03-01", "1,5", ""]);
});

test("the parts of the sum are promise 1's", () => {
  expect([...PARTS]).toEqual(["inserted", "updated", "unchanged", "rejected", "skipped", "failed"]);
});

test("an adoption is shown by column, the most different first, each with its own values", () => {
  const sample = (rowKey: string, column: string) => ({ rowKey, rowNumber: 2, column, old: 1, new: "2" });
  const shown = byColumn({
    rows: 12,
    columns: { note: 3, price: 12, area: 3 },
    sample: [sample("AA1", "price"), sample("AA1", "note"), sample("AA2", "price")],
  });
  expect(shown.map(({ column, rows, samples }) => [column, rows, samples.map((it) => it.rowKey)])).toEqual([
    ["price", 12, ["AA1", "AA2"]],
    ["area", 3, []],
    ["note", 3, ["AA1"]],
  ]);
});
