import { describe, expect, test } from "vitest";
import { format } from "../src/format";

const en = format("en");
const ja = format("ja");

describe("a duration", () => {
  test.each([
    [0.0004, "1ms", "1ミリ秒"],
    [0.35, "350ms", "350ミリ秒"],
    [0, "0s", "0秒"],
    [0.9996, "1s", "1秒"],
    [3.24, "3.2s", "3.2秒"],
    [9.96, "10s", "10秒"],
    [59.4, "59s", "59秒"],
    [59.6, "1m", "1分"],
    [130, "2m 10s", "2分10秒"],
    [3600, "1h", "1時間"],
    [3 * 86400 + 4 * 3600 + 59, "3d 4h", "3日4時間"],
  ])("of %d s is told in two units at most", (seconds, inEnglish, inJapanese) => {
    expect(en.duration(seconds)).toBe(inEnglish);
    expect(ja.duration(seconds)).toBe(inJapanese);
  });

  test("that is not known is a dash", () => {
    expect(en.duration(null)).toBe("–");
  });
});

describe("a share", () => {
  test.each([
    [1, "100%"],
    [0, "0%"],
    [0.975, "97.5%"],
    [0.99996, ">99.9%"],
    [0.0004, "<0.1%"],
    [null, "–"],
  ])("of %d is %s: complete only when it is, nothing only when it is nothing", (ratio, told) => {
    expect(en.percent(ratio)).toBe(told);
  });
});

test("counts have separators and no digits behind the point", () => {
  expect(en.count(1234567)).toBe("1,234,567");
  expect(ja.count(1234567)).toBe("1,234,567");
});

test("quantities keep three digits that mean something", () => {
  expect([0.4567, 12.34, 123.4, 1234.5].map(en.quantity)).toEqual(["0.457", "12.3", "123", "1,235"]);
});

test("the past is told in the unit that one would use", () => {
  expect([5, 90, 7200, 100_000, 3 * 86400].map(en.ago)).toEqual([
    "5s ago",
    "1m ago",
    "2h ago",
    "27h ago",
    "3d ago",
  ]);
  expect(ja.ago(90)).toBe("1分前");
});

test("a time of another day has its date", () => {
  const now = new Date(2026, 10, 25, 13, 0).getTime();
  expect(en.time(new Date(2026, 10, 25, 9, 5).toISOString(), now)).toBe("09:05");
  expect(en.time(new Date(2026, 10, 24, 9, 5).toISOString(), now)).toContain("24 Nov");
});
