// How much the page weighs and how soon it shows data, for docs/DASHBOARD.md; as the browser itself counts.

import { test } from "vitest";
import type { BrowserContext } from "playwright-core";
import { newContext } from "../browser";
import { stack } from "../stack";

const LOADS = 15;

interface Load {
  /** Bytes on the wire, headers included, until the first data was there: the page's own, and the API's. */
  page: number;
  api: number;
  requests: number;
  /** When the first sync could be read, in milliseconds since the navigation began. */
  firstData: number;
}

declare global {
  interface Window {
    firstData?: number;
  }
}

async function load(context: BrowserContext): Promise<Load> {
  const page = await context.newPage();
  await page.addInitScript(
    ({ token }) => {
      sessionStorage.setItem("sheetsync.session", JSON.stringify({ kind: "service", token }));
      new MutationObserver((_, observer) => {
        if (document.querySelector(".card.sync h3 a") === null) return;
        observer.disconnect();
        requestAnimationFrame(() => (window.firstData = performance.now()));
      }).observe(document, { childList: true, subtree: true });
    },
    { token: stack.tokens.reader },
  );
  await page.goto(stack.api);
  await page.waitForFunction(() => window.firstData !== undefined);
  const found = await page.evaluate(() => {
    const entries = [
      ...performance.getEntriesByType("navigation"),
      ...performance.getEntriesByType("resource"),
    ] as PerformanceResourceTiming[];
    const size = (of: PerformanceResourceTiming[]) => of.reduce((sum, it) => sum + it.transferSize, 0);
    const api = entries.filter((it) => /\/(api\/|config\.json)/.test(it.name));
    return { all: size(entries), api: size(api), requests: entries.length, firstData: window.firstData ?? 0 };
  });
  await page.close();
  return { ...found, page: found.all - found.api };
}

test("weight and time to first data", async () => {
  const cold: Load[] = [];
  for (let n = 0; n < LOADS; n++) {
    const context = await newContext();
    cold.push(await load(context));
    await context.close();
  }
  const context = await newContext();
  await load(context);
  const warm: Load[] = [];
  for (let n = 0; n < LOADS; n++) warm.push(await load(context));
  console.log("| load | page, bytes | API, bytes | requests | first data, median ms | slowest ms |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const [name, loads] of [
    ["first visit", cold],
    ["again", warm],
  ] as const) {
    const times = loads.map((it) => it.firstData).sort((a, b) => a - b);
    const [one] = loads;
    const middle = times[Math.floor(times.length / 2)] ?? 0;
    console.log(
      `| ${name} | ${one?.page ?? 0} | ${one?.api ?? 0} | ${one?.requests ?? 0} | ${Math.round(middle)} | ${Math.round(times.at(-1) ?? 0)} |`,
    );
  }
});
