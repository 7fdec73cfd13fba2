// The pictures of docs/DASHBOARD.md: every screen and dialog, in both appearances, languages and sizes.

import { writeFile } from "node:fs/promises";
import { test } from "vitest";
import type { Page } from "playwright-core";
import { open, withToken, type Look } from "../browser";
import { stack } from "../stack";

const runs = JSON.parse(process.env.DOCS ?? "{}") as Record<
  "partial" | "withheld" | "adoption" | "live" | "restored",
  string
>;
const FOLDER = new URL("../../../../../docs/screenshots/", import.meta.url).pathname;
/** A picture of a long page is cut off here. */
const TALLEST = { phone: 1800, desktop: 2200 };

const LOOKS: [name: string, look: Look][] = [
  ["desktop-light", { language: "en" }],
  ["desktop-dark", { language: "ja", scheme: "dark" }],
  ["phone-light", { language: "ja", phone: true }],
  ["phone-dark", { language: "en", phone: true, scheme: "dark" }],
];

test.each(LOOKS)("%s", async (name, look) => {
  const { page } = await open(look);
  const devTools = await page.context().newCDPSession(page);
  const shoot = async (screen: string): Promise<void> => {
    for (const part of await page.locator(".loading").all()) await part.waitFor({ state: "detached" });
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const size = page.viewportSize() ?? { width: 0, height: 0 };
    const whole = await page.evaluate(() => document.documentElement.scrollHeight);
    const inDialog = (await page.locator("dialog[open]").count()) > 0;
    const tallest = look.phone === true ? TALLEST.phone : TALLEST.desktop;
    const height = inDialog ? size.height : Math.min(Math.max(whole, 500), tallest);
    // Not page.screenshot: WebP is a fourth of what a PNG weighs.
    const { data } = await devTools.send("Page.captureScreenshot", {
      format: "webp",
      quality: 82,
      captureBeyondViewport: !inDialog,
      clip: { x: 0, y: 0, width: size.width, height, scale: 1 },
    });
    await writeFile(`${FOLDER}${screen}-${name}.webp`, Buffer.from(data, "base64"));
  };

  await page.goto("#/");
  await page.locator("input[name=email]").waitFor();
  await shoot("sign-in");
  await withToken(page, stack.tokens.operator);
  await page.locator(".card.sync h3 a").nth(3).waitFor();
  await shoot("overview");

  await page.goto("#/syncs/listings");
  await drawn(page);
  await shoot("sync");
  await page.goto("#/syncs/listings?tab=rejected");
  await page.locator("tbody tr").nth(4).waitFor();
  await drawn(page);
  await shoot("rejected");
  await page.goto(`#/runs/${runs.live}`);
  await page.locator("progress[value]").waitFor();
  await shoot("run-live");
  await page.goto(`#/runs/${runs.partial}`);
  await page.locator("tbody tr").nth(4).waitFor();
  await shoot("run");
  await page.goto(`#/runs/${runs.restored}`);
  await page.locator("#verification").waitFor();
  await shoot("restored");
  await page.goto(`#/runs/${runs.withheld}`);
  await page.locator("#withheld").waitFor();
  await page.locator("#withheld ~ .button").first().click();
  await page.locator("dialog[open]").waitFor();
  await shoot("approve");
  await page.keyboard.press("Escape");
  await page.goto(`#/runs/${runs.adoption}`);
  await page.locator("#adoption").waitFor();
  await shoot("adoption");
  await page.locator("#adoption ~ .button").click();
  await page.locator("dialog[open]").waitFor();
  await shoot("adopt");
  await page.keyboard.press("Escape");
  await page.goto("#/audit");
  await page.locator("tbody tr").nth(1).waitFor();
  await shoot("audit");

  await page.goto("#/syncs/rentals");
  await page.locator(".actions .button.primary").click();
  await page.locator("dialog[open]").waitFor();
  await shoot("start");
  await page.locator("dialog .choices label").nth(1).click();
  await page.locator("dialog footer .button.primary").click();
  await page.locator("dialog .plan").waitFor();
  await shoot("preview");
  await page.keyboard.press("Escape");
  await page.goto("#/");
  await page.locator(".delivery .button").click();
  await page.locator("dialog .choices label").nth(1).click();
  await shoot("breaker");
});

async function drawn(page: Page): Promise<void> {
  // On a phone they are closed until opened.
  if ((await page.locator("details.chart-section[open]").count()) > 0) {
    await page.locator("[data-chart=runs] canvas").waitFor();
  }
  await page.locator("table").last().waitFor();
}
