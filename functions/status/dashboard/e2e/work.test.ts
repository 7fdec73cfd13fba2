// What people do here: start runs and follow them, find the cell that is wrong, resend failed batches.

import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Page } from "playwright-core";
import { expectQuiet, signedIn, type Watched } from "./browser";
import { fault, releaseBreaker, stack, type Purpose } from "./stack";

const atSync = (purpose: Purpose, query = ""): Promise<Watched> =>
  signedIn("operator", `#/syncs/${stack.syncs[purpose]}${query}`);

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const fact = (page: Page, name: string) =>
  page.locator(".fact").filter({ has: page.getByText(name, { exact: true }) });

test("a run is previewed, started, followed while it works and seen to its end", async () => {
  const watched = await atSync("live");
  const { page } = watched;
  await button(page, "Sync now").click();
  await button(page, "Preview").click();
  await page.getByText("400 of 400 rows will change.").waitFor();

  // Five of its twenty batches pass; the others wait on the wire until the fault is taken away.
  const release = await fault({
    path: "sync_apply",
    body: stack.syncs.live,
    after: 5,
    action: "holdRequest",
  });
  await button(page, "Start sync").click();
  try {
    await page.getByRole("heading", { name: `Run of ${stack.syncs.live}` }).waitFor();
    await page.getByText("100 of 400 rows").waitFor();
    expect(await page.getByRole("progressbar").getAttribute("value")).toBe("25");
    await page.getByText("5 of 20 batches").waitFor();
  } finally {
    await release();
  }
  await page.getByText("Matches the 400 rows read.").waitFor();
  await page.locator("h1 ~ .badge, .title .badge").getByText("Completed").first().waitFor();
  expect(await fact(page, "Inserted").locator("dd").first().innerText()).toBe("400");
  expectQuiet(watched);
});

test("only the chosen rows are synced", async () => {
  const watched = await atSync("chosen");
  const { page } = watched;
  await button(page, "Sync now").click();
  await page.getByRole("dialog").getByText("Selected rows", { exact: true }).click();
  await button(page, "Preview").click();
  await page.getByText("Enter at least one row key.").waitFor();
  await page.getByLabel("Row keys, one per line").fill("AA00002\nAA00005\n");
  await button(page, "Preview").click();
  await page.getByText("2 of 2 rows will change.").waitFor();
  await button(page, "Start sync").click();
  await page.getByText("Matches the 2 rows read.").waitFor();
  expectQuiet(watched);
});

test("a warning on the overview leads to its cells in one click", async () => {
  const watched = await signedIn("reader");
  const { page } = watched;
  const card = page
    .getByRole("article")
    .filter({ has: page.getByRole("link", { name: stack.syncs.hostile, exact: true }) });
  await card.getByRole("link", { name: `See the list (${stack.syncs.hostile})` }).click();
  const cell = page.getByRole("link", { name: "Open C2 in the sheet" });
  await cell.waitFor();
  await expect.poll(() => inView(page, ".lists nav")).toBe(true);
  expectQuiet(watched);
});

/** Whether it stands in the window. */
const inView = (page: Page, selector: string) =>
  page.locator(selector).evaluate((it) => {
    const { top, bottom } = it.getBoundingClientRect();
    return top >= 0 && bottom <= window.innerHeight;
  });

test("failed batches are offered for resending only where the sync has some", async () => {
  const watched = await atSync("chosen");
  const { page } = watched;
  await button(page, "Sync now").waitFor();
  expect(await button(page, "Resend failed batches").count()).toBe(0);
  expectQuiet(watched);
});

test("a cell that could not be used is found, opened in the spreadsheet and exported", async () => {
  const watched = await atSync("hostile", "?tab=rejected");
  const { page } = watched;
  await page.getByLabel("Search").fill("C2");
  const row = page.getByRole("row").filter({ hasText: "C2" });
  await row.waitFor();
  expect(await row.innerText()).toContain("売買価格");
  const cell = row.getByRole("link", { name: "Open C2 in the sheet" });
  const href = await cell.getAttribute("href");
  expect(href).toMatch(/^https:\/\/docs\.google\.com\/spreadsheets\/d\/.+range=C2$/);
  expect(await cell.getAttribute("rel")).toBe("noreferrer noopener");

  await page.getByLabel("Search").fill("no such text");
  await page.getByText("No problem matches").waitFor();
  await page.getByLabel("Search").fill("");
  await page.getByRole("row").filter({ hasText: "C3" }).waitFor();
  const download = page.waitForEvent("download");
  await button(page, "Export CSV").click();
  const saved = await (await download).path();
  const csv = await readFile(saved, "utf8");
  expect(csv).toContain("C2");
  // A spreadsheet that opens the file runs none of it.
  expect(csv).toContain("'=HYPERLINK");
  expect(csv).not.toMatch(/(^|[,"])[=+@-][A-Za-z]/m);
  expectQuiet(watched);
});

test("failed batches are counted, resent and applied", async () => {
  const watched = await atSync("redriven", "?tab=history");
  const { page } = watched;
  await page.getByText("Incomplete").first().waitFor();
  await button(page, "Resend failed batches").click();
  await button(page, "Check").click();
  await button(page, "Resend 1 batch").click();
  await page.getByText("Enter a reason.").waitFor();
  await page.getByLabel("Reason").fill("the column has been widened");
  await button(page, "Resend 1 batch").click();
  await page.getByText("1 batch resent.").first().waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
  const history = page.getByRole("table", { name: "Runs, newest first" });
  await history.getByText("Completed").waitFor();
  expectQuiet(watched);
});

test("withheld deletes are approved for exactly the rows that a run found gone", async () => {
  const watched = await atSync("withheld");
  const { page } = watched;
  await page.getByRole("table", { name: "Runs, newest first" }).getByRole("link").first().click();
  await button(page, "Approve these deletes…").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("marks these 20 rows as deleted").waitFor();
  // What is approved is in sight: these rows, and no others.
  const keys = dialog.getByRole("list", { name: "Rows missing from the sheet" }).getByRole("listitem");
  const missing = Array.from({ length: 20 }, (_, row) => `AA${String(row + 1).padStart(5, "0")}`);
  expect((await keys.allInnerTexts()).sort()).toEqual(missing);
  await button(page, "Mark 20 rows as deleted").click();
  await dialog.getByText("Tick the box to confirm.").waitFor();
  await dialog.getByRole("checkbox").check();
  await dialog.getByLabel("Reason").fill("sold");
  await button(page, "Mark 20 rows as deleted").click();
  await fact(page, "Deleted").getByText("20", { exact: true }).waitFor();
  await page.getByText("Matches the 20 rows read.").waitFor();
  expectQuiet(watched);
});

test("an adoption shows what differs, and its approval lets the next run write", async () => {
  const watched = await atSync("adopted");
  const { page } = watched;
  await page.getByRole("table", { name: "Runs, newest first" }).getByRole("link").first().click();
  const notice = page.getByRole("region", { name: "Existing rows wait for a decision" });
  const column = (name: string) =>
    notice.locator("details.column").filter({ has: page.getByText(name, { exact: true }) });
  await column("address").getByText("1 row", { exact: true }).waitFor();
  await column("price_yen").getByText("1 row", { exact: true }).waitFor();
  const sample = column("address").getByRole("listitem").filter({ hasText: "AA00002" });
  expect(await sample.innerText()).toContain("<img src=x onerror=alert(1)>");
  expect(await notice.locator("img, script, [onerror]").count()).toBe(0);

  await button(page, "Decide whose values stay…").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("1 row of the table has other values").waitFor();
  await button(page, "Decide").click();
  await dialog.getByText("Choose whose values stay.").waitFor();
  await dialog.getByText("Enter a reason.").waitFor();
  await dialog.getByText("The sheet's", { exact: true }).click();
  await dialog.getByLabel("Reason").fill("first import");
  await button(page, "Overwrite in 1 row").click();
  await page.getByText("Matches the 3 rows read.").waitFor();
  await fact(page, "Updated").getByText("1", { exact: true }).waitFor();
  expectQuiet(watched);
});

test("the breaker is held open and let go, and the audit says who and why", async () => {
  const watched = await signedIn("operator");
  const { page } = watched;
  const panel = page.getByRole("region", { name: "Writing to the database" });
  await panel.getByText("Normal (closed)").waitFor();
  try {
    await panel.getByRole("button", { name: "Change…: Circuit breaker" }).click();
    await page.getByText("Stop writing", { exact: true }).click();
    await button(page, "Next").click();
    await page.getByText("No sync writes anything").waitFor();
    await page.getByLabel("Reason").fill("the database moves");
    await button(page, "Stop writing").click();
    await panel.getByText("stopped by an operator").waitFor();
    await page.getByText("An operator has stopped all writing").first().waitFor();

    await panel.getByRole("button", { name: "Change…: Circuit breaker" }).click();
    await page.getByText("Automatic", { exact: true }).click();
    await button(page, "Next").click();
    await page.getByLabel("Reason").fill("it has moved");
    await button(page, "Back to automatic").click();
    await panel.getByText("Normal (closed)").waitFor();
  } finally {
    await releaseBreaker();
  }
  await page.getByRole("link", { name: "Audit log" }).click();
  const entry = page.getByRole("row").filter({ hasText: "the database moves" }).first();
  await entry.waitFor();
  expect(await entry.innerText()).toContain(stack.operator.email);
  expectQuiet(watched);
});
