// Debian's Chromium, driven by playwright-core: pages that watch themselves, so that a test which passes is also one
// in which nothing was refused by the Content-Security-Policy, logged as an error or shown as a browser's own dialog.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from "playwright-core";
import { afterAll, beforeAll, expect, onTestFailed } from "vitest";
import type { Language } from "../src/i18n";
import { stack, type Who } from "./stack";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

function launch(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`${CHROMIUM} is not there: apt-get install chromium fonts-noto-cjk, or set CHROMIUM`);
  }
  return chromium.launch({
    executablePath: CHROMIUM,
    // As root, as in most containers, Chromium has no sandbox; and it must not call other hosts.
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

// One for each file of tests: each has its own copy of this module.
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** A profile that has never been anywhere. */
export function newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return browser.newContext(options);
}

export interface Look {
  language?: Language;
  scheme?: "light" | "dark";
  /** As wide and high as a phone is. */
  phone?: boolean;
}

/** A run or plan that was asked for is not found until the scheduler has begun it; the browser logs that by itself. */
const NOT_BEGUN = /404 .*\/api\/(runs|plans)\/[\w-]+$/;

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

/** A page of a browser that has never been here, and everything that it complains about. */
export interface Watched {
  page: Page;
  complaints: string[];
}

export async function open(look: Look = {}): Promise<Watched> {
  const options: BrowserContextOptions = {
    baseURL: `${stack.api}/`,
    locale: look.language ?? "en",
    timezoneId: "Asia/Tokyo",
    colorScheme: look.scheme ?? "light",
    viewport: look.phone === true ? PHONE : DESKTOP,
    ...(look.phone === true && { deviceScaleFactor: 2, hasTouch: true, isMobile: true }),
    reducedMotion: "reduce",
    acceptDownloads: true,
  };
  const context = await newContext(options);
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog of the browser: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => complaints.push(`an exception: ${error.message}`));
  page.on("console", (message) => {
    const entry = `${message.text()} ${message.location().url}`;
    const bad = message.type() === "error" || message.type() === "warning";
    if (bad && !NOT_BEGUN.test(entry)) complaints.push(`the console: ${entry}`);
  });
  onTestFailed(async ({ task }) => {
    const path = join(tmpdir(), `${task.name.replaceAll(/\W+/g, "-")}.png`);
    await page.screenshot({ path, fullPage: true });
    console.log(`what it looked like: ${path}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`refused by the policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return { page, complaints };
}

/** The screen at `address`, signed in with a token. */
export async function signedIn(who: Who, address = "#/", look: Look = {}): Promise<Watched> {
  const watched = await open(look);
  const { page } = watched;
  await page.goto(address);
  await withToken(page, stack.tokens[who]);
  await page.locator("main#main h1").waitFor();
  return watched;
}

/** Signs in on the page with a token. */
export async function withToken(page: Page, token: string): Promise<void> {
  await page.locator(".sign-in .button.link").click();
  await page.locator("input[name=token]").fill(token);
  await page.locator(".sign-in button[type=submit]").click();
}

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe finds wrong: rule, and where. */
export async function axe(page: Page): Promise<string[]> {
  // The policy lets no script in from outside, so it is evaluated from outside the page's world.
  if (!(await page.evaluate(() => "axe" in window))) {
    const { readFile } = await import("node:fs/promises");
    await page.evaluate(await readFile(axePath, "utf8"));
  }
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof import("axe-core") }).axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.flatMap((it) =>
      it.nodes.map(
        (node) => `${it.id} (${it.impact ?? "?"}): ${node.target.join(" ")}: ${node.failureSummary ?? ""}`,
      ),
    );
  });
}

/** Nothing was complained about. */
export function expectQuiet({ complaints }: Watched): void {
  expect(complaints).toEqual([]);
}
