import { describe, expect, test } from "vitest";
import { format } from "../src/format";

const en = format("en");
const ja = format("ja");

describe("a duration", () => {
  test.each([
    [0.0004, "1 ms", "0.001秒"],
    [0.254, "254 ms", "0.25秒"],
    [0, "0 s", "0秒"],
    [0.9996, "1 s", "1秒"],
    [3.24, "3.2 s", "3.2秒"],
    [9.96, "10 s", "10秒"],
    [59.4, "59 s", "59秒"],
    [59.6, "1 min", "1分"],
    [130, "2 min 10 s", "2分10秒"],
    [3600, "1 h", "1時間"],
    [3 * 86400 + 4 * 3600 + 59, "3 d 4 h", "3日4時間"],
  ])("of %d s has at most two units", (seconds, inEnglish, inJapanese) => {
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
  ])("of %d is %s: complete only when it is, nothing only when it is nothing", (ratio, expected) => {
    expect(en.percent(ratio)).toBe(expected);
  });
});

test("counts have separators and no digits behind the point", () => {
  expect(en.count(1234567)).toBe("1,234,567");
  expect(ja.count(1234567)).toBe("1,234,567");
});

test("quantities keep three digits that mean something", () => {
  expect([0.4567, 12.34, 123.4, 1234.5].map(en.quantity)).toEqual(["0.457", "12.3", "123", "1,235"]);
});

test("the past is in the unit that people would use", () => {
  expect([5, 90, 7200, 100_000, 3 * 86400].map(en.ago)).toEqual([
    "5 s ago",
    "1 min ago",
    "2 h ago",
    "27 h ago",
    "3 d ago",
  ]);
  expect(ja.ago(90)).toBe("1分前");
});

test("a time of another day has its date", () => {
  const now = new Date(2026, 10, 25, 13, 0).getTime();
  expect(en.time(new Date(2026, 10, 25, 9, 5).toISOString(), now)).toBe("09:05");
  expect(en.time(new Date(2026, 10, 24, 9, 5).toISOString(), now)).toContain("24 Nov");
});

test("a moment has its weekday, and its year when that is not this one", () => {
  const year = new Date().getFullYear();
  const at = new Date(year, 1, 14, 9, 5, 7);
  expect(ja.dateTime(at.toISOString())).toMatch(/^2\/14\([日月火水木金土]\) 0?9:05$/);
  expect(ja.exactTime(at.toISOString())).toMatch(/9:05:07$/);
  expect(en.dateTime(at.toISOString())).toMatch(/^\w{3},? 14 Feb,? (at )?09:05$/);
  const old = new Date(2019, 1, 14, 9, 5).toISOString();
  expect(ja.dateTime(old)).toContain("2019");
  expect(en.dateTime(old)).toContain("2019");
});
