// Who gets in, and what the others get: nothing.

import { expect, test } from "vitest";
import { expectQuiet, open, signedIn, withToken } from "./browser";
import { stack } from "./stack";

test("without a token the page asks for nothing and shows nothing", async () => {
  const watched = await open();
  const { page } = watched;
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  for (const address of ["#/", `#/syncs/${stack.syncs.hostile}`, "#/audit"]) {
    await page.goto(address);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  }
  expect(asked.filter((path) => path.startsWith("/api"))).toEqual([]);
  expect(asked).toContain("/config.json");
  expect(await page.locator("body").innerText()).not.toContain(stack.syncs.hostile);
  expectQuiet(watched);
});

test("a wrong token and a wrong password are refused with a message", async () => {
  const { page } = await open();
  await page.goto("#/");
  await withToken(page, "made-up");
  await page.getByText("This token is not valid").waitFor();

  await page.getByRole("button", { name: "Use email and password" }).click();
  await page.getByLabel("Email").fill(stack.operator.email);
  await page.getByLabel("Password").fill("not this one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Wrong email or password.").waitFor();
  expect(await page.locator("main#main").count()).toBe(0);
});

test("sign-in with e-mail and password survives a reload and ends with sign-out", async () => {
  const watched = await open();
  const { page } = watched;
  await page.goto("#/");
  await page.getByLabel("Email").fill(stack.operator.email);
  await page.getByLabel("Password").fill(stack.operator.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Syncs", exact: true }).waitFor();
  await page.getByRole("link", { name: stack.syncs.hostile, exact: true }).waitFor();

  await page.reload();
  await page.getByRole("link", { name: stack.syncs.hostile, exact: true }).waitFor();

  await page.getByRole("button", { name: "Settings and account" }).click();
  await page.getByText(`Signed in as ${stack.operator.email}`).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expectQuiet(watched);
});

test("sign-in before the configuration arrives succeeds", async () => {
  const { page } = await open();
  let first = true;
  await page.route("**/config.json", async (route) => {
    // The page's own question is never answered.
    if (!first) await route.continue();
    first = false;
  });
  await page.goto("#/");
  await page.getByLabel("Email").fill(stack.operator.email);
  await page.getByLabel("Password").fill(stack.operator.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Syncs", exact: true }).waitFor();
});

test("a reader sees everything and is offered nothing that acts", async () => {
  const watched = await signedIn("reader", `#/syncs/${stack.syncs.hostile}`);
  const { page } = watched;
  await page.getByRole("heading", { name: stack.syncs.hostile, exact: true }).waitFor();
  await page.getByRole("region", { name: "Writing to the database" }).getByText("Normal (closed)").waitFor();
  // The page must know who it is before what it does not offer means anything.
  await page.getByRole("button", { name: "Settings and account" }).click();
  await page.getByText("Viewer", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  for (const name of ["Sync now", "Resend failed batches", "Change…: Circuit breaker"]) {
    expect(await page.getByRole("button", { name }).count(), name).toBe(0);
  }
  expectQuiet(watched);
});

test("the page is in the language of the browser, and changes when asked", async () => {
  const watched = await signedIn("reader", "#/", { language: "ja" });
  const { page } = watched;
  await page.getByRole("heading", { name: "同期の状況" }).waitFor();
  expect(await page.locator("html").getAttribute("lang")).toBe("ja");
  await page.getByRole("button", { name: "設定とアカウント" }).click();
  await page.getByRole("radio", { name: "English" }).check();
  await page.getByRole("heading", { name: "Syncs", exact: true }).waitFor();
  expectQuiet(watched);
});
