// What people do here: start runs and follow them, find the cell that is wrong, bring back what was given up.

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
  await page.getByText("400 rows would change.").waitFor();

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
  await page.getByText("The counts add up to the 400 rows read.").waitFor();
  await page.locator("h1 ~ .badge, .title .badge").getByText("Completed").first().waitFor();
  expect(await fact(page, "Inserted").locator("dd").first().innerText()).toBe("400");
  expectQuiet(watched);
});

test("only the chosen rows are synced", async () => {
  const watched = await atSync("chosen");
  const { page } = watched;
  await button(page, "Sync now").click();
  await page.getByText("Only some rows").click();
  await button(page, "Preview").click();
  await page.getByText("Enter at least one row key.").waitFor();
  await page.getByLabel("Row keys, one a line").fill("AA00002\nAA00005\n");
  await button(page, "Preview").click();
  await page.getByText("2 rows would change.").waitFor();
  await button(page, "Start sync").click();
  await page.getByText("The counts add up to the 2 rows read.").waitFor();
  expectQuiet(watched);
});

test("a cell that could not be used is found, opened in the spreadsheet and exported", async () => {
  const watched = await atSync("hostile", "?tab=rejected");
  const { page } = watched;
  await page.getByLabel("Search").fill("C2");
  const row = page.getByRole("row").filter({ hasText: "C2" });
  await row.waitFor();
  expect(await row.innerText()).toContain("売買価格");
  const cell = row.getByRole("link", { name: "Open cell C2 in the spreadsheet" });
  const href = await cell.getAttribute("href");
  expect(href).toMatch(/^https:\/\/docs\.google\.com\/spreadsheets\/d\/.+range=C2$/);
  expect(await cell.getAttribute("rel")).toBe("noreferrer noopener");

  await page.getByLabel("Search").fill("no such text");
  await page.getByText("No error matches").waitFor();
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

test("batches that were given up are counted, redriven and applied", async () => {
  const watched = await atSync("redriven");
  const { page } = watched;
  await page.getByText("Partial").first().waitFor();
  await button(page, "Redrive dead letters").click();
  await button(page, "Count first").click();
  await button(page, "Redrive 1 batch").click();
  await page.getByText("Say why").waitFor();
  await page.getByLabel("Reason").fill("the column has been widened");
  await button(page, "Redrive 1 batch").click();
  await page.getByText("1 batch is back in the queue.").first().waitFor();
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
  await dialog.getByText("20 rows of the table will be deleted").waitFor();
  await button(page, "Delete 20 rows").click();
  await dialog.getByText("Confirm that you have looked.").waitFor();
  await dialog.getByRole("checkbox").check();
  await dialog.getByLabel("Reason").fill("sold");
  await button(page, "Delete 20 rows").click();
  await fact(page, "Deleted").getByText("20", { exact: true }).waitFor();
  await page.getByText("The counts add up to the 20 rows read.").waitFor();
  expectQuiet(watched);
});

test("an adoption is decided: columns and values are shown, a side and a reason are needed", async () => {
  const watched = await atSync("adopted");
  const { page } = watched;
  await page.getByRole("table", { name: "Runs, newest first" }).getByRole("link").first().click();
  const waits = page.getByRole("region", { name: "An adoption waits for approval" });
  await waits.getByText("2 rows were in the table before").waitFor();
  const column = (name: string) =>
    waits.locator("details").filter({ has: page.getByText(name, { exact: true }) });
  expect(await column("price_yen").locator("summary").innerText()).toContain("2 rows");
  const samples = await column("price_yen").getByRole("listitem").allInnerTexts();
  expect(samples.join()).toContain("AA00002");
  // What the table held is text, whatever it looks like.
  await column("address").getByText("<img src=x onerror=alert('old')>").waitFor();
  expect(await page.locator("main img, main script, main [onerror]").count()).toBe(0);

  await button(page, "Decide whose values stay…").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("In 2 rows of the table, values differ").waitFor();
  await button(page, "Decide").click();
  await dialog.getByText("Choose whose values stay.").waitFor();
  await dialog.getByText("Say why").waitFor();
  await dialog.getByRole("radio", { name: "The sheet's" }).check();
  await dialog.getByLabel("Reason").fill("first import");
  await button(page, "Overwrite in 2 rows").click();
  // The run that follows writes them.
  await fact(page, "Updated").getByText("2", { exact: true }).waitFor();
  await page.getByText("The counts add up to the 4 rows read.").waitFor();
  expectQuiet(watched);
});

test("the breaker is held open and let go, and the audit says who and why", async () => {
  const watched = await signedIn("operator");
  const { page } = watched;
  const panel = page.getByRole("region", { name: "Delivery" });
  await panel.getByText("Closed").waitFor();
  try {
    await panel.getByRole("button", { name: "Change: Circuit breaker" }).click();
    await page.getByText("Hold open").click();
    await button(page, "Next").click();
    await page.getByText("No sync will write anything").waitFor();
    await page.getByLabel("Reason").fill("the database moves");
    await button(page, "Hold open").click();
    await panel.getByText("held open by hand").waitFor();
    await page.getByText("An operator has stopped all writing").first().waitFor();

    await panel.getByRole("button", { name: "Change: Circuit breaker" }).click();
    await page.getByText("Automatic").click();
    await button(page, "Next").click();
    await page.getByLabel("Reason").fill("it has moved");
    await button(page, "Back to automatic").click();
    await panel.getByText("Closed").waitFor();
  } finally {
    await releaseBreaker();
  }
  await page.getByRole("link", { name: "Audit" }).click();
  const entry = page.getByRole("row").filter({ hasText: "the database moves" }).first();
  await entry.waitFor();
  expect(await entry.innerText()).toContain(stack.operator.email);
  expectQuiet(watched);
});
