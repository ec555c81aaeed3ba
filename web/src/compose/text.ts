// Between HTML and plain text: every message goes in both, and one may change from one to the other while writing.

const blocks = new Set([
  "ADDRESS",
  "ARTICLE",
  "ASIDE",
  "BLOCKQUOTE",
  "DD",
  "DIV",
  "DL",
  "DT",
  "FIGURE",
  "FOOTER",
  "FORM",
  "H1",
  "H2",
  "H3",
  "H4",
  "H5",
  "H6",
  "HEADER",
  "HR",
  "LI",
  "MAIN",
  "NAV",
  "OL",
  "P",
  "PRE",
  "SECTION",
  "TABLE",
  "TR",
  "UL",
  "CENTER",
]);
const apart = new Set(["P", "H1", "H2", "H3", "H4", "H5", "H6", "BLOCKQUOTE", "PRE", "UL", "OL", "TABLE"]);
const unseen = new Set(["SCRIPT", "STYLE", "HEAD", "TITLE", "TEMPLATE", "NOSCRIPT", "OBJECT", "IFRAME"]);

/** Deeper than this, what is nested is read as one: hostile mail nests a hundred thousand times. */
const maxDepth = 200;

/** The text of HTML, as somebody would have written it in plain text. Nothing in it is run or fetched. */
export function htmlToText(html: string): string {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  const w = new Writer();
  walk(body, w, "", 0);
  return w.text();
}

/** Gathers lines. A line is begun with the prefix of the quotes and lists that it is in. */
class Writer {
  private lines: string[] = [];
  private line = "";
  private began = false; // the line has something in it, be it empty on purpose
  private gap: string | null = null; // an empty line is due, with the least prefix that it was asked for with
  prefix = "";
  item = ""; // the mark of a list item, for its first line

  add(text: string, exact: boolean): void {
    const clean = exact ? text : text.replace(/[ \t\r\n\f]+/g, " ");
    const shown = !exact && (!this.line || this.line.endsWith(" ")) ? clean.replace(/^ /, "") : clean;
    if (!shown) return;
    this.begin();
    this.line += shown;
  }

  private begin(): void {
    if (this.began) return;
    if (this.gap !== null && this.lines.length) this.lines.push(shorter(this.gap, this.prefix).trimEnd());
    this.gap = null;
    this.began = true;
  }

  /** Ends the line, if there is one. */
  end(gap = false): void {
    if (this.began) this.push();
    if (gap) this.gap = shorter(this.gap ?? this.prefix, this.prefix);
  }

  /** Ends the line, be there one or not. */
  lineBreak(): void {
    this.begin();
    this.push();
  }

  private push(): void {
    const mark = this.item && this.prefix.slice(0, -this.item.length) + this.item;
    this.lines.push(((mark || this.prefix) + this.line).trimEnd());
    this.line = "";
    this.item = "";
    this.began = false;
  }

  text(): string {
    this.end();
    return this.lines
      .join("\n")
      .replace(/\u00a0/g, " ")
      .replace(/^\n+/, "")
      .trimEnd();
  }
}

const shorter = (a: string, b: string) => (a.length < b.length ? a : b);

function walk(node: Node, w: Writer, list: string, depth: number, exact = false): void {
  let number = Number((node as Element).getAttribute?.("start") ?? 1);
  for (const child of node.childNodes) {
    if (child.nodeType === 3) {
      const text = child.textContent ?? "";
      if (!exact) w.add(text, false);
      else
        text.split("\n").forEach((line, i) => {
          if (i) w.lineBreak();
          w.add(line, true);
        });
    } else if (child.nodeType === 1 && !unseen.has((child as Element).tagName.toUpperCase()))
      element(child as Element, w, list === "OL" ? `${number++}. ` : list === "UL" ? "- " : "", depth, exact);
  }
}

function element(e: Element, w: Writer, mark: string, depth: number, exact: boolean): void {
  const tag = e.tagName.toUpperCase();
  if (depth > maxDepth) {
    w.add(e.textContent ?? "", false);
    return;
  }
  if (tag === "BR") {
    // The break that ends a block shows no line of its own, unless the block has nothing else.
    if (e.nextSibling || !e.previousSibling) w.lineBreak();
    return;
  }
  if (tag === "IMG") {
    w.add(e.getAttribute("alt") ? `[${e.getAttribute("alt")}]` : "", false);
    return;
  }
  const block = blocks.has(tag);
  const loose = apart.has(tag) && e.parentElement?.tagName.toUpperCase() !== "LI";
  if (block) w.end(loose);
  inside(e, tag, w, mark, depth, exact);
  if (tag === "TD" || tag === "TH") w.add(" ", false);
  if (block) w.end(loose);
}

function inside(e: Element, tag: string, w: Writer, mark: string, depth: number, exact: boolean): void {
  const before = w.prefix;
  if (tag === "HR") w.add("---", true);
  if (tag === "BLOCKQUOTE") w.prefix += "> ";
  if (tag === "LI" && mark) {
    w.prefix += " ".repeat(mark.length);
    w.item = mark;
  }
  walk(e, w, tag === "OL" || tag === "UL" ? tag : "", depth + 1, exact || tag === "PRE");
  if (tag === "A") {
    const href = e.getAttribute("href") ?? "";
    const text = e.textContent ?? "";
    if (/^https?:/i.test(href) && strip(href) !== strip(text)) w.add(` <${href}>`, true);
  }
  if (tag === "LI" || tag === "BLOCKQUOTE") w.end();
  w.prefix = before;
}

const strip = (url: string) =>
  url
    .trim()
    .replace(/^https?:\/\//i, "")
    .replace(/\/$/, "");

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
}

/** Text as HTML: paragraphs, quotes behind ">", addresses of pages as links. */
export function textToHtml(text: string): string {
  return quoted(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}

function quoted(lines: readonly string[], depth: number): string {
  let html = "";
  for (let i = 0; i < lines.length; ) {
    const quote = lines[i]!.startsWith(">") && depth < 20;
    let end = i;
    while (end < lines.length && (lines[end]!.startsWith(">") && depth < 20) === quote) end++;
    const run = lines.slice(i, end);
    html += quote
      ? `<blockquote>${quoted(
          run.map((l) => l.replace(/^> ?/, "")),
          depth + 1,
        )}</blockquote>`
      : paragraphs(run);
    i = end;
  }
  return html;
}

/** Each line is a paragraph, as the editor makes them: an empty one stays an empty line. */
function paragraphs(lines: readonly string[]): string {
  return lines.map((l) => `<p>${linkify(l)}</p>`).join("");
}

// A page, or an address of mail. Punctuation at the end belongs to the sentence.
const address = /\bhttps?:\/\/[^\s<>"]+|\bwww\.[^\s<>"]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/gi;

/** A line of text as HTML with its links. */
export function linkify(text: string): string {
  let html = "";
  let last = 0;
  for (const found of text.matchAll(address)) {
    const link = trimmed(found[0]);
    html += escapeHtml(text.slice(last, found.index));
    const href = /^https?:/i.test(link)
      ? link
      : link.includes("@") && !/^www\./i.test(link)
        ? `mailto:${link}`
        : `https://${link}`;
    html += `<a href="${escapeHtml(href)}">${escapeHtml(link)}</a>`;
    last = found.index + link.length;
  }
  return (html + escapeHtml(text.slice(last))).replace(/ {2}/g, " \u00a0");
}

function trimmed(link: string): string {
  const out = link.replace(/[.,;:!?'*_]{1,100}$/, "");
  const open = out.split("(").length;
  let close = out.split(")").length;
  let end = out.length;
  while (close > open && out[end - 1] === ")") {
    close--;
    end--;
  }
  return out.slice(0, end);
}
