// What stands in a sheet is text, whatever it looks like.

import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { expectQuiet, signedIn } from "./browser";
import { stack } from "./stack";

const KEY = "<script>alert('key')</script>";
const LINK = '=HYPERLINK("https://evil.example","100")';
const PICTURE = "<img src=x onerror=alert('cell')>";

/** Nothing of the sheet has become a part of the page, or a way out of it. */
async function expectText(page: Page): Promise<void> {
  expect(await page.locator("main script, main img, main iframe, main [onerror]").count()).toBe(0);
  const targets = await page
    .locator("a")
    .evaluateAll((links) => links.map((it) => (it as HTMLAnchorElement).href));
  expect(targets.filter((href) => /^javascript:|evil\.example/i.test(href))).toEqual([]);
}

test("hostile text in keys and cells is shown as it stands, on every screen that shows it", async () => {
  const watched = await signedIn("operator", `#/syncs/${stack.syncs.hostile}?tab=rejected`);
  const { page } = watched;
  const entry = page.getByRole("row").filter({ hasText: KEY });
  await entry.waitFor();
  expect(await entry.innerText()).toContain(LINK);
  await page.getByRole("row").filter({ hasText: PICTURE }).first().waitFor();
  await expectText(page);

  // The preview shows the same cells, and values that would be written.
  await page.getByRole("button", { name: "Sync now", exact: true }).click();
  await page.getByText("All rows", { exact: true }).click();
  await page.getByRole("button", { name: "Preview", exact: true }).click();
  await page.getByRole("dialog").getByText(LINK).first().waitFor();
  await expectText(page);
  await page.keyboard.press("Escape");

  await page.getByRole("link", { name: "Run history" }).click();
  await page.getByRole("table", { name: "Runs, newest first" }).getByRole("link").first().click();
  await page.getByRole("row").filter({ hasText: KEY }).first().waitFor();
  await expectText(page);
  expectQuiet(watched);
});

test("a hostile reason is text in the audit list", async () => {
  const watched = await signedIn("operator", `#/syncs/${stack.syncs.hostile}`);
  const { page } = watched;
  const answer = await page.request.post(`api/syncs/${stack.syncs.hostile}/redrive`, {
    headers: { authorization: `Bearer ${stack.tokens.operator}` },
    data: { dryRun: false, why: PICTURE },
  });
  expect(answer.status()).toBe(200);
  await page.getByRole("link", { name: "Audit log" }).click();
  await page.getByRole("row").filter({ hasText: PICTURE }).first().waitFor();
  await expectText(page);
  expectQuiet(watched);
});

test("an address that names something hostile is answered with text", async () => {
  const { page, complaints } = await signedIn("reader", `#/syncs/${encodeURIComponent(PICTURE)}`);
  await page.getByText("Not found. It may have been removed").waitFor();
  await expectText(page);
  // The browser may log the 404, and nothing else.
  expect(complaints.filter((it) => !it.includes("404"))).toEqual([]);
});
