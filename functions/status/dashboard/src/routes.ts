// The addresses of the screens. They live in the fragment, so that the server serves one page and a link can be kept.

import type { Range } from "./api/types";
import { RANGES } from "./api/types";

export type Tab = "history" | "rejected";
const TABS: readonly Tab[] = ["rejected", "history"];

export type Route =
  | { screen: "overview" }
  /** Without a tab: the open problems if there are any, else the history. */
  | { screen: "sync"; name: string; tab: Tab | null; range: Range }
  | { screen: "run"; id: string }
  | { screen: "audit" }
  | { screen: "nowhere" };

/** Reads `#/syncs/listings?range=7d`; whatever makes no sense is nowhere. */
export function parse(fragment: string): Route {
  const [path = "", query = ""] = fragment.replace(/^#/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "");
  const [first, second, ...rest] = parts;
  if (first === undefined) return { screen: "overview" };
  if (rest.length > 0) return { screen: "nowhere" };
  if (first === "audit" && second === undefined) return { screen: "audit" };
  const name = second === undefined ? null : decode(second);
  if (name === null) return { screen: "nowhere" };
  if (first === "runs") return { screen: "run", id: name };
  if (first !== "syncs") return { screen: "nowhere" };
  const parameters = new URLSearchParams(query);
  return {
    screen: "sync",
    name,
    tab: TABS.find((tab) => tab === parameters.get("tab")) ?? null,
    range: RANGES.find((range) => range === parameters.get("range")) ?? "24h",
  };
}

/** The address of a screen; parse() reads it back. */
export function address(route: Route): string {
  switch (route.screen) {
    case "overview":
      return "#/";
    case "audit":
      return "#/audit";
    case "run":
      return `#/runs/${encodeURIComponent(route.id)}`;
    case "sync": {
      const query = new URLSearchParams();
      if (route.tab !== null) query.set("tab", route.tab);
      if (route.range !== "24h") query.set("range", route.range);
      const text = query.toString();
      return `#/syncs/${encodeURIComponent(route.name)}${text === "" ? "" : `?${text}`}`;
    }
    case "nowhere":
      return "#/";
  }
}

export const syncAddress = (name: string): string =>
  address({ screen: "sync", name, tab: null, range: "24h" });
/** The list of what is wrong in the sheet, and on the way. */
export const problemsAddress = (name: string): string =>
  address({ screen: "sync", name, tab: "rejected", range: "24h" });
export const runAddress = (id: string): string => address({ screen: "run", id });

/** Two routes of the same place differ in what is shown of it, not in where one is: no change of focus. */
export function place(route: Route): string {
  switch (route.screen) {
    case "sync":
      return `sync ${route.name}`;
    case "run":
      return `run ${route.id}`;
    default:
      return route.screen;
  }
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
