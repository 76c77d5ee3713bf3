// Opens every page of a built book in headless Chromium, from its files, and prints what is wrong as JSON:
// node check.mjs SITE CHROMIUM [PAGE ...]. Pages that are named are checked alone.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [site, executablePath, ...named] = process.argv.slice(2);
const AT_ONCE = 3;

function pagesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith("_")) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? pagesIn(path) : path.endsWith(".html") ? [path] : [];
  });
}

// The workshop's slides are no pages of Jupyter Book, which copies them with its style.
function slidesIn(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith("_slides.html"));
  return names.map((name) => join(folder, name));
}

const root = resolve(site);
const pages = named.length
  ? named.map((name) => join(root, name))
  : [...pagesIn(root), ...slidesIn(join(root, "_static"))];
const problems = [];
const links = new Map(); // by page: where its links lead
const ids = new Map(); // by page: the names that can be led to
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

async function check(path) {
  const name = relative(root, path);
  const found = (what) => problems.push(`${name}: ${what}`);
  for (const scheme of ["light", "dark"]) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    page.on("pageerror", (error) => found(`script error: ${error.message}`));
    page.on("console", (message) => message.type() === "error" && found(`console: ${message.text()}`));
    page.on("requestfailed", (request) => found(`failed request: ${request.url().slice(0, 200)}`));
    page.on("request", (request) => {
      if (!/^(file|data|blob|about):/.test(request.url())) found(`outside request: ${request.url()}`);
    });
    await page.goto(pathToFileURL(path).href);
    await page.waitForTimeout(300); // colours fade in
    await page.evaluate(axe);
    const violations = await page.evaluate(async () => {
      const result = await axe.run(document, { resultTypes: ["violations"], preload: false });
      return result.violations
        .filter((violation) => ["serious", "critical"].includes(violation.impact))
        .flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.html.slice(0, 160)}`));
    });
    for (const violation of violations) found(`axe, ${scheme}: ${violation}`);
    if (scheme === "light") {
      const told = await page.evaluate(() => ({
        links: [...document.querySelectorAll("a[href]")].map((a) => a.href),
        ids: [...document.querySelectorAll("[id], a[name]")].map((e) => e.id || e.name),
        spelt: [...document.querySelectorAll("article p")].filter((p) => /^\|.*\|$/s.test(p.innerText)).length,
        bare: [...document.querySelectorAll("article img[src^='data:']")]
          .filter((figure) => !figure.nextElementSibling?.matches(".bc-passport:has(a[download])"))
          .map((figure) => figure.alt.slice(0, 100)),
      }));
      links.set(path, told.links);
      ids.set(path, told.ids);
      if (told.spelt) found(`${told.spelt} tables that are not drawn`);
      for (const figure of told.bare) found(`a figure without what it rests on: ${figure}`);
      const repeated = told.ids.filter((id, place) => told.ids.indexOf(id) !== place);
      for (const id of new Set(repeated)) found(`two elements are called ${id}`);
      const wide = await page.evaluate(() => {
        for (const fold of document.querySelectorAll("details")) fold.open = true;
        return [...document.querySelectorAll(".bc-scroll")]
          .filter((table) => table.offsetParent && table.scrollWidth > table.clientWidth + 1)
          .map((table) => `${table.scrollWidth - table.clientWidth} px of "${table.innerText.slice(0, 60)}"`);
      });
      for (const table of wide) found(`a table that scrolls on a screen of 1280: ${table}`);
      await page.setViewportSize({ width: 360, height: 800 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) found(`${over} px wider than a screen of 360`);
    }
    await context.close();
  }
}

const waiting = [...pages];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (waiting.length) await check(waiting.shift());
  }),
);
await browser.close();

if (!named.length) {
  for (const [path, targets] of links) {
    for (const target of new Set(targets)) {
      const url = new URL(target);
      if (url.protocol !== "file:") continue;
      const file = decodeURIComponent(url.pathname);
      const anchor = decodeURIComponent(url.hash.slice(1));
      if (file.endsWith(".html") && !ids.has(file)) {
        problems.push(`${relative(root, path)}: dead link to ${relative(root, file)}`);
      } else if (anchor && ids.has(file) && !ids.get(file).includes(anchor)) {
        problems.push(`${relative(root, path)}: dead anchor ${relative(root, file)}#${anchor}`);
      }
    }
  }
}
console.log(JSON.stringify({ pages: pages.length, problems }, null, 1));
