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

test("a wrong token and a wrong password are refused in words, and let nobody in", async () => {
  const { page } = await open();
  await page.goto("#/");
  await withToken(page, "made-up");
  await page.getByText("This token is not accepted").waitFor();

  await page.getByRole("button", { name: "Use e-mail and password" }).click();
  await page.getByLabel("E-mail").fill(stack.operator.email);
  await page.getByLabel("Password").fill("not this one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("E-mail or password is not right.").waitFor();
  expect(await page.locator("main#main").count()).toBe(0);
});

test("somebody signs in with e-mail and password, stays in after a reload, and is out after signing out", async () => {
  const watched = await open();
  const { page } = watched;
  await page.goto("#/");
  await page.getByLabel("E-mail").fill(stack.operator.email);
  await page.getByLabel("Password").fill(stack.operator.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByRole("link", { name: stack.syncs.hostile }).waitFor();

  await page.reload();
  await page.getByRole("link", { name: stack.syncs.hostile }).waitFor();

  await page.getByRole("button", { name: "Settings and account" }).click();
  await page.getByText(`Signed in as ${stack.operator.email}`).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expectQuiet(watched);
});

test("a reader sees everything and is offered nothing that acts", async () => {
  const watched = await signedIn("reader", `#/syncs/${stack.syncs.hostile}`);
  const { page } = watched;
  await page.getByRole("heading", { name: stack.syncs.hostile }).waitFor();
  await page.getByText("Circuit breaker").waitFor();
  for (const name of ["Sync now", "Redrive dead letters", "Change: Circuit breaker"]) {
    expect(await page.getByRole("button", { name }).count(), name).toBe(0);
  }
  expectQuiet(watched);
});

test("the page is in the language of the browser, and changes when asked", async () => {
  const watched = await signedIn("reader", "#/", { language: "ja" });
  const { page } = watched;
  await page.getByRole("heading", { name: "概要" }).waitFor();
  expect(await page.locator("html").getAttribute("lang")).toBe("ja");
  await page.getByRole("button", { name: "設定とアカウント" }).click();
  await page.getByRole("radio", { name: "English" }).check();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  expectQuiet(watched);
});
