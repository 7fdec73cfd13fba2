// For those who use the keyboard, a screen reader, or a dark room.

import { describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { axe, expectQuiet, open, signedIn, type Look } from "./browser";
import { stack } from "./stack";

const sync = `#/syncs/${stack.syncs.hostile}`;

/** Every screen and dialog: how one gets there from the sync's own screen, and what says that it is there. */
const SCREENS: [name: string, go: (page: Page) => Promise<void>][] = [
  ["sync", chartsAreDrawn],
  ["rejected rows", (page) => show(page, `${sync}?tab=rejected`, page.getByRole("row").nth(1))],
  [
    "run",
    async (page) => {
      await show(page, `${sync}?tab=history`, page.getByRole("table").last());
      await page.getByRole("table", { name: "Runs, newest first" }).getByRole("link").first().click();
      await page.getByRole("heading", { name: "Row results" }).waitFor();
    },
  ],
  [
    "overview",
    (page) => show(page, "#/", page.getByRole("link", { name: stack.syncs.hostile, exact: true })),
  ],
  [
    "breaker's dialog",
    async (page) => {
      await show(page, "#/", page.getByRole("link", { name: stack.syncs.hostile, exact: true }));
      await page.getByRole("button", { name: "Change…: Circuit breaker" }).click();
      await page.getByRole("dialog").waitFor();
    },
  ],
  [
    "preview",
    async (page) => {
      await page.goto(sync);
      await page.getByRole("button", { name: "Sync now", exact: true }).click();
      await page.getByRole("button", { name: "Preview", exact: true }).click();
      await page.getByRole("heading", { name: "Cannot be imported" }).waitFor();
    },
  ],
  [
    // By now there is the preview.
    "audit log",
    async (page) => {
      await page.goto("#/audit");
      await page.getByLabel("Show previews too").check();
      await page.getByRole("row").filter({ hasText: "Previewed a sync" }).first().waitFor();
      // A list that is being read again is dimmed.
      await page.locator('[aria-busy="true"]').waitFor({ state: "detached" });
    },
  ],
];

async function show(page: Page, address: string, sign: ReturnType<Page["locator"]>): Promise<void> {
  await page.goto(address);
  await sign.waitFor();
}

/** On a phone they are closed until opened. */
async function chartsAreDrawn(page: Page): Promise<void> {
  const charts = page.locator("details.chart-section");
  await charts.waitFor();
  if (!(await charts.evaluate((it: HTMLDetailsElement) => it.open))) await charts.locator("summary").click();
  await page.locator("[data-chart=runs] canvas").waitFor();
}

const LOOKS: [name: string, look: Look][] = [
  ["light", {}],
  ["dark", { scheme: "dark" }],
  ["phone", { phone: true }],
];

describe.each(LOOKS)("axe finds nothing, %s", (_, look) => {
  test("on the way in", async () => {
    const watched = await open(look);
    await watched.page.goto("#/");
    await watched.page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await axe(watched.page)).toEqual([]);
    expectQuiet(watched);
  });

  test("on every screen", async () => {
    const watched = await signedIn("operator", sync, look);
    for (const [name, go] of SCREENS) {
      await go(watched.page);
      expect(await axe(watched.page), name).toEqual([]);
      expect(await sideways(watched.page), `${name} is wider than the screen`).toBe(false);
      await watched.page.keyboard.press("Escape");
    }
    expectQuiet(watched);
  });
});

const sideways = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

test("axe finds what is wrong, if something is", async () => {
  const { page } = await open();
  await page.goto("#/");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.evaluate(() =>
    document.querySelector("input")?.closest("label")?.replaceWith(document.createElement("input")),
  );
  expect((await axe(page)).join()).toContain("label");
});

test("a run is previewed with the keyboard alone, and the focus comes back to where it was", async () => {
  const watched = await signedIn("operator", sync);
  const { page } = watched;
  await chartsAreDrawn(page);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());

  await page.keyboard.press("Tab");
  await expect.poll(() => focused(page)).toBe("Skip to content");
  await page.keyboard.press("Enter");
  await expect.poll(() => focused(page)).toBe(stack.syncs.hostile);

  await tabTo(page, "Sync now");
  await page.keyboard.press("Enter");
  await expect.poll(() => focused(page)).toBe(`Sync ${stack.syncs.hostile}`);
  await tabTo(page, "Preview");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Cannot be imported" }).waitFor();
  await expect.poll(() => focused(page)).toBe(`Preview: ${stack.syncs.hostile}`);
  await page.keyboard.press("Escape");
  expect(await page.getByRole("dialog").count()).toBe(0);
  await expect.poll(() => focused(page)).toBe("Sync now");
  expectQuiet(watched);
});

const focused = (page: Page) =>
  page.evaluate(() => {
    const it = document.activeElement;
    return it?.getAttribute("aria-label") ?? it?.textContent.trim() ?? "";
  });

async function tabTo(page: Page, name: string): Promise<void> {
  for (let step = 0; step < 30; step++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === name) return;
  }
  expect.fail(`${name} cannot be reached with the tab key`);
}
