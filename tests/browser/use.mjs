// Uses a built book as its readers do, by mouse and by keyboard, in headless Chromium and from its files:
// node use.mjs SITE CHROMIUM. Prints as JSON what did not do what it should.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const [site, executablePath] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const context = await browser.newContext({
  viewport: { width: 1280, height: 900 },
  permissions: ["clipboard-read", "clipboard-write"],
});
const page = await context.newPage();
const open = (path) => page.goto(`${pathToFileURL(resolve(site))}/${path}`);
const problems = [];
let tried = 0;
page.on("pageerror", (error) => problems.push(`script error: ${error.message}`));
page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
page.on("requestfailed", (request) => problems.push(`failed request: ${request.url().slice(0, 200)}`));

async function expect(what, holds) {
  tried += 1;
  for (let i = 0; i < 40; i += 1) {
    if (await holds()) return;
    await page.waitForTimeout(100);
  }
  problems.push(what);
}
const seen = (selector) => page.locator(selector).first().isVisible();
const text = (selector) => page.locator(selector).first().textContent();

await open("search.html?q=temperature");
await expect("the search finds pages", async () => (await page.locator("#search-results li").count()) > 2);

await open("notebooks/ledger.html");
const all = await page.locator(".bc-entry").count();
for (const words of ["theseus", "Q8-PTQ", "± 5 (%"]) {
  await page.locator('.bc-switches input[type="search"]').fill(words);
  await expect(`the ledger is filtered by words: ${words}`, async () => {
    const left = await page.locator(".bc-entry:visible").count();
    const told = (await text(".bc-switches output")) === `${left} of ${all} claims`;
    return told && left < all && left > 0 === !words.includes("(");
  });
}
await page.locator('.bc-switches input[type="search"]').fill("");
await page.locator(".bc-switches select").nth(1).focus();
await page.keyboard.press("ArrowDown");
await expect("the ledger is filtered by verdict, by keyboard", async () => {
  const left = await page.locator(".bc-entry:visible").count();
  return left > 0 && left < all;
});
await page.locator(".bc-switches select").nth(1).selectOption("");
await page.locator(".bc-switches select").nth(2).selectOption("Head Prune");
await expect("the ledger is filtered by method", async () => {
  const left = await page.locator(".bc-entry:visible").count();
  return left > 0 && left < all && (await page.locator(".bc-switches select").first().locator("option").count()) < 5;
});
const first = page.locator(".bc-entry:visible summary").first();
await first.focus();
await page.keyboard.press("Enter");
await expect("a claim unfolds by keyboard", () => page.locator(".bc-entry[open] table").first().isVisible());
const claim = await page.locator(".bc-entry tr[id]").last().getAttribute("id");
await open(`index.html`);
await open(`notebooks/ledger.html#${claim}`);
await expect("a link leads into a folded claim", () => page.locator(`#${claim}`).isVisible());

await open("notebooks/explorer.html");
const numbers = await page.locator(".bc-explorer tbody tr").count();
await page.locator(".bc-switches select").nth(1).selectOption("Table 3");
await page.locator(".bc-switches select").nth(4).selectOption("Accuracy (%)");
await expect("the explorer's table and drawing follow the choice", async () => {
  const left = await page.locator(".bc-explorer tbody tr:visible").count();
  return left > 2 && left < numbers && (await page.locator(".bc-drawing .bc-mean").count()) === left;
});
const [numbersLeft] = await Promise.all([
  page.waitForEvent("download"),
  page.locator("a[download='numbers.csv']").click(),
]);
await expect("the explorer's choice is saved as a file", async () => {
  const lines = readFileSync(await numbersLeft.path(), "utf8").split("\n");
  return lines.length === 1 + (await page.locator(".bc-explorer tbody tr:visible").count());
});
await page.reload();
await expect("the explorer's address keeps the choice", async () => {
  const left = await page.locator(".bc-explorer tbody tr:visible").count();
  return left > 2 && left < numbers;
});
await page.locator(".bc-explorer thead button").nth(5).click();
await expect("a click orders the lines", async () => {
  const cells = await page.locator(".bc-explorer tbody tr:visible td:nth-child(6)").allTextContents();
  return cells.every((cell, i) => !i || parseFloat(cell) <= parseFloat(cells[i - 1]));
});

await page.locator(".bc-explorer thead button").nth(3).click();
await expect("a click orders names, too", async () => {
  const names = await page.locator(".bc-explorer tbody tr:visible td:nth-child(4)").allTextContents();
  return names.every((name, i) => !i || name.localeCompare(names[i - 1]) >= 0);
});

await open("notebooks/loyalty/table_3_sst2.html");
await expect("what was just run is hidden at first", async () => !(await seen("td .bc-run")));
await expect("so are seeds and intervals", async () => !(await seen("td .bc-more")));
await page.locator("td:has(.bc-more) a").first().focus();
await expect("they appear by keyboard", () => seen("td .bc-more"));
await page.locator("article h1").first().click();
await page.locator("td:has(.bc-more)").nth(2).hover();
await expect("they appear by mouse", () => page.locator("td .bc-more").nth(2).isVisible());
await page.locator(".bc-switches input").first().focus();
await page.keyboard.press("Space");
await expect("a switch shows what was just run", () => seen("td .bc-run"));
await page.locator(".bc-passport summary").first().click();
await expect("a table's passport unfolds", () => seen(".bc-passport a[download]"));
const [saved] = await Promise.all([
  page.waitForEvent("download"),
  page.locator(".bc-passport a[download]").first().click(),
]);
await expect("a table is saved as a file", async () => saved.suggestedFilename().endsWith(".csv"));
await open("notebooks/taylor/table_2.html");
await expect("all pages obey the switch", () => seen("td .bc-run"));
await page.locator("details.hide summary").first().focus();
await page.keyboard.press("Enter");
await expect("code unfolds by keyboard", () => seen("details.hide[open] pre"));

await open("index.html");
await page.locator("button.copybtn").first().focus();
await page.keyboard.press("Enter");
await expect("a command is copied by keyboard", async () =>
  (await page.evaluate(() => navigator.clipboard.readText())).includes("make book"),
);

await browser.close();
console.log(JSON.stringify({ tried, problems }, null, 1));
