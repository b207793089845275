// What does a browser find wrong in published pages?
//
//   node run.mjs [--browser FILE] [--shown TEXTS.json] PAGE.html ...
//
// Opens each page from disk in the system's Chromium and prints one JSON object: page -> check -> faults, each a line.
// What a check asks is said at its function; `verbatim` is about the hostile texts that --shown lists.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TELEPHONE = { width: 360, height: 740 };
const DESK = { width: 1440, height: 900 };
const PAPER = { width: 687, height: 1000 }; // 182 mm: A4 between its margins; what is wider makes all letters smaller
const WIDEST = 1200; // px of a picture's file; of a wider one the letters are under 7 px on a telephone
const QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

// Functions below that take no page run inside it and return faults.

/** Does anything stick out at the side, except inside a box that scrolls by itself? Are captions there in full? */
function width() {
  const room = document.documentElement.clientWidth;
  window.scrollTo(10_000, 0);
  const moved = window.scrollX;
  window.scrollTo(0, 0);
  const words = document.createRange();
  const cut = [...document.querySelectorAll("caption")].filter((caption) => {
    words.selectNodeContents(caption);
    const box = caption.closest("table").parentElement;
    return caption.checkVisibility() && words.getBoundingClientRect().width > box.clientWidth + 1;
  });
  const faults = cut.map((c) => `a caption is wider than its table's box at ${room} px: ${c.textContent.slice(0, 60)}`);
  if (moved <= 1 && document.documentElement.scrollWidth <= room + 1) return faults; // 1: a rounded part of a pixel
  const boxed = (element) => {
    for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible") return true;
    return false;
  };
  const out = (element) => element.getBoundingClientRect().right > room + 1 && !boxed(element);
  const wide = [...document.body.querySelectorAll("*")].filter(out).slice(0, 5);
  const named = wide.map((e) => `<${e.localName}> ${e.textContent.trim().slice(0, 60)}`);
  return [...faults, `the page scrolls sideways at ${room} px: ${named.join("; ")}`];
}

/** Has every picture words, are they those of its caption, and is it narrow enough to be read on a telephone? */
function figures(widest) {
  const tidy = (text) => (text ?? "").replace(/\s+/g, " ").trim();
  const shown = [...document.querySelectorAll("img, svg")].filter((e) => !e.closest('[aria-hidden="true"]'));
  return shown.flatMap((e) => {
    const title = e.querySelector(":scope > title")?.textContent;
    const words = tidy(e.getAttribute("alt") ?? e.getAttribute("aria-label") ?? title);
    const caption = e.closest("figure")?.querySelector("figcaption");
    if (!words) return [`a picture has no words: ${e.outerHTML.slice(0, 80)}`];
    if (!caption || !caption.checkVisibility()) return [`a picture has no caption: ${words.slice(0, 80)}`];
    if (tidy(caption.textContent) !== words) return [`words and caption differ: ${words.slice(0, 80)}`];
    if (e.naturalWidth <= widest || e.localName === "svg") return [];
    return [`letters are tiny, the picture is ${e.naturalWidth} px wide: ${words.slice(0, 80)}`];
  });
}

/** One h1, first, and no level left out on the way down? */
function headings() {
  const all = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")];
  const faults = all.filter((h) => h.localName === "h1").length === 1 ? [] : ["not exactly one h1"];
  let before = 0;
  for (const h of all) {
    const level = Number(h.localName[1]);
    if (level > before + 1) faults.push(`h${level} after h${before}: ${h.textContent.trim()}`);
    if (!h.textContent.trim()) faults.push(`an empty h${level}`);
    before = level;
  }
  return faults;
}

/** Is nothing on the page that could act, and does no text turn the text after it? */
function inert(shown) {
  const active = document.querySelectorAll("script, iframe, object, embed, form, base");
  const faults = [...active].map((e) => `a <${e.localName}> is there`);
  for (const e of document.querySelectorAll("*")) {
    for (const { name } of e.attributes) if (name.startsWith("on")) faults.push(`<${e.localName}> has ${name}`);
    const href = e.localName === "link" ? "" : (e.getAttribute("href") ?? "");
    if (/^\s*(javascript|vbscript|data):/i.test(href)) faults.push(`<${e.localName}> leads to ${href.slice(0, 60)}`);
  }
  if (window.struck) faults.push(`a script ran: ${window.struck}`);
  const turning = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
  const whole = "p, li, td, th, caption, figcaption, summary, dd, dt, h1, h2, h3";
  const blocks = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode())
    if (turning.test(walk.currentNode.data))
      blocks.add(walk.currentNode.parentElement.closest(whole));
  const backwards = [...blocks].filter((block) => block && turned(block));
  faults.push(...backwards.map((b) => `text runs backwards in <${b.localName}>: ${b.textContent.slice(0, 80)}`));
  return [...new Set(faults)];

  // Does a letter stand left of the one before it? Hostile text itself may.
  function turned(block) {
    const letters = [], range = document.createRange();
    const inside = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    while (inside.nextNode()) for (let k = 0; k < inside.currentNode.length; k++) letters.push([inside.currentNode, k]);
    let text = letters.map(([node, k]) => node.data[k]).join("");
    for (const hostile of shown) text = text.replaceAll(hostile, " ".repeat(hostile.length));
    const places = letters.map(([node, k]) => {
      range.setStart(node, k);
      range.setEnd(node, k + 1);
      return range.getBoundingClientRect();
    });
    return places.some((b, k) => {
      const a = places[k - 1];
      return a?.width && /^[a-z]{2}$/i.test(text.slice(k - 1, k + 1)) && Math.abs(a.top - b.top) < 2 && b.left < a.left;
    });
  }
}

/** Is hostile text that is part of the page there as it is, marks that turn text apart? */
function verbatim(shown) {
  const bare = (text) => text.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "").replace(/\s+/g, " ");
  const whole = bare(document.body.textContent);
  return shown.filter((text) => !whole.includes(bare(text))).map((text) => `not shown as it is: ${text.slice(0, 60)}`);
}

/** Is the first stop of the Tab key a link to the content that one can see? */
async function keyboard(page) {
  await page.keyboard.press("Tab");
  const seen = await page.evaluate(() => {
    const e = document.activeElement, { left, top, right, width } = e.getBoundingClientRect();
    return { into: e.getAttribute("href"), inside: left >= 0 && top >= 0 && right <= innerWidth && width > 0 };
  });
  const good = seen.into?.startsWith("#") && seen.inside;
  return good ? [] : ["the first stop of the Tab key is no visible link to the content"];
}

/** Do links arrive that stay on the page or lead to another file of the site? */
async function links(page, file) {
  const found = await page.evaluate(() => ({
    ids: [...document.querySelectorAll("[id]")].map((e) => e.id),
    links: [...document.querySelectorAll("a")].map((a) => [a.getAttribute("href"), a.href, a.textContent.slice(0, 40)]),
  }));
  const twice = found.ids.filter((id, k) => found.ids.indexOf(id) !== k);
  const faults = [...new Set(twice)].map((id) => `two elements have the id ${id}`);
  for (const [written, href, text] of found.links) {
    if (!written) faults.push(`a link leads nowhere: ${text}`);
    if (!href.startsWith("file:")) continue;
    const [target, hash] = [fileURLToPath(href.split("#")[0]), href.split("#")[1] ?? ""];
    const ids = target === file ? found.ids : existsSync(target) ? idsOf(target) : null;
    const arrives = ids && (!hash || ids.includes(hash) || ids.includes(decodeURIComponent(hash)));
    if (!arrives) faults.push(`${written} does not arrive: ${text}`);
  }
  return faults;
}

const known = new Map();
function idsOf(file) {
  if (!known.has(file)) known.set(file, [...readFileSync(file, "utf8").matchAll(/\sid="?([^"\s>]+)/g)].map((m) => m[1]));
  return known.get(file);
}

/** What does axe call serious or critical? */
async function axe(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => {
    const first = v.nodes[0], why = first.failureSummary.replace(/\s+/g, " ").slice(0, 160);
    return `${v.id} (${v.impact}, ${v.nodes.length} times): ${v.help}; first ${first.html.slice(0, 120)}: ${why}`;
  });
}

/** Open a page; `faults` goes on filling with what it says and asks for. Folded parts are opened. */
async function open(browser, file, options, faults) {
  const page = await (await browser.newContext(options)).newPage();
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.console.add(`${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => faults.console.add(String(e)));
  page.on("dialog", (d) => (faults.console.add(`a dialogue opened: ${d.message()}`), d.dismiss()));
  const own = pathToFileURL(file).href;
  page.on("request", (r) => r.url() === own || r.url().startsWith("data:") || faults.requests.add(r.url()));
  await page.goto(own, { waitUntil: "load" });
  return page;
}

const unfold = (page) => page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));

async function examine(browser, file, shown) {
  const faults = { console: new Set(), requests: new Set() };
  // As a reader has it, on a telephone.
  const small = await open(browser, file, { viewport: TELEPHONE }, faults);
  const found = { keyboard: await keyboard(small) };
  await unfold(small);
  found.width = await small.evaluate(width);
  found.axe = await axe(small);
  await small.context().close();
  // On a desk, with its content security policy switched off: nothing may depend on that.
  const large = await open(browser, file, { viewport: DESK, bypassCSP: true }, faults);
  await unfold(large);
  found.width.push(...(await large.evaluate(width)));
  found.figures = await large.evaluate(figures, WIDEST);
  found.headings = await large.evaluate(headings);
  found.inert = await large.evaluate(inert, shown);
  found.verbatim = await large.evaluate(verbatim, shown);
  found.links = await links(large, file);
  await large.emulateMedia({ media: "print" });
  await large.setViewportSize(PAPER);
  found.paper = await large.evaluate(width);
  await large.context().close();
  return { ...found, console: [...faults.console], requests: [...faults.requests] };
}

const text = { type: "string" };
const { values, positionals } = parseArgs({ allowPositionals: true, options: { browser: text, shown: text } });
const shown = values.shown ? JSON.parse(readFileSync(values.shown, "utf8")) : [];
const browser = await chromium.launch({ executablePath: values.browser ?? "/usr/bin/chromium", args: QUIET });
try {
  const all = {};
  for (const file of positionals.map((p) => resolve(p))) all[file] = await examine(browser, file, shown);
  console.log(JSON.stringify(all, null, 1));
} finally {
  await browser.close();
}
