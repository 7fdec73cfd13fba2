import { expect, test } from "vitest";
import { address, parse, place, type Route } from "../src/routes";

const routes: Route[] = [
  { screen: "overview" },
  { screen: "audit" },
  { screen: "run", id: "0190f5c2-0000-7000-8000-000000000001" },
  { screen: "sync", name: "listings", tab: null, range: "24h" },
  { screen: "sync", name: "listings", tab: "history", range: "24h" },
  { screen: "sync", name: "a/b?c#d%", tab: "rejected", range: "30d" },
];

test.each(routes)("an address leads back to where it was made: %j", (route) => {
  expect(parse(address(route))).toEqual(route);
});

test.each(["#/nothing", "#/runs", "#/runs/a/b", "#/audit/x", "#/syncs/%E0%A4%A"])(
  "%s is nowhere",
  (fragment) => {
    expect(parse(fragment)).toEqual({ screen: "nowhere" });
  },
);

test("a range or tab that does not exist is the usual one", () => {
  expect(parse("#/syncs/listings?range=1y&tab=x")).toMatchObject({ range: "24h", tab: null });
});

test("another tab or range is the same place, so the focus stays", () => {
  expect(place(parse("#/syncs/a?range=7d"))).toBe(place(parse("#/syncs/a?tab=rejected")));
  expect(place(parse("#/syncs/a"))).not.toBe(place(parse("#/syncs/b")));
});
