// Folds what a message quotes, by the marks that mail programs leave: gmail_quote, blockquote type=cite, Outlook's separators and others'.
// details and summary fold without a script, and by keyboard.

import { bodyClass, prefix } from "./css";

const marks = [
  "gmail_quote_container",
  "gmail_quote",
  "yahoo_quoted",
  "protonmail_quote",
  "tutanota_quote",
  "moz-cite-prefix",
  "zmail_extra",
  "WordSection1-quote",
].map((name) => `.${prefix}${name}`);

const separators = [
  "#divRplyFwdMsg",
  "#appendonsend",
  "#mail-editor-reference-message-container",
  "#OLK_SRC_BODY_SECTION",
  "#reply-intro",
].map((id) => `#${prefix}${id.slice(1)}`);

/** foldQuotes folds the quoted end of a message. label is what the fold is called. It answers whether there was one. */
export function foldQuotes(body: HTMLElement, label: string): boolean {
  const first = firstQuote(body);
  if (!first || !saysSomethingBefore(body, first)) return false;
  const doc = body.ownerDocument;
  const fold = doc.createElement("details");
  fold.className = "mm-fold";
  const summary = doc.createElement("summary");
  summary.textContent = "\u2022\u2022\u2022";
  summary.title = label;
  summary.setAttribute("aria-label", label);
  first.before(fold);
  fold.append(summary);
  for (const node of quoteFrom(first)) fold.append(node);
  return true;
}

function firstQuote(body: HTMLElement): Element | undefined {
  for (const e of body.querySelectorAll([...marks, ...separators, "blockquote"].join(","))) {
    if (e.closest(".mm-fold") || !isQuote(e)) continue;
    return before(e);
  }
  return undefined;
}

// A forwarded message is not quoted but shown: Gmail marks both alike, and only a reply has a quote inside.
function isQuote(e: Element): boolean {
  if (e.matches(separators.join(","))) return true;
  if (e.matches(`.${prefix}gmail_quote, .${prefix}gmail_quote_container`))
    return e.querySelector("blockquote") !== null || e.localName === "blockquote";
  if (e.localName === "blockquote")
    return e.getAttribute("type") === "cite" || e.classList.contains(`${prefix}gmail_quote`) || isLast(e);
  return true;
}

/** A plain blockquote is somebody's own unless it ends the message. */
function isLast(e: Element): boolean {
  let at: Element | null = e;
  while (at && !at.classList.contains(bodyClass)) {
    for (let next: ChildNode | null = at.nextSibling; next; next = next.nextSibling)
      if (next.textContent?.trim()) return false;
    at = at.parentElement;
  }
  return e.previousElementSibling !== null || e.parentElement?.previousElementSibling !== null;
}

/** before takes in the line "On Monday, Ann wrote:" and the rule that stands above a quote. */
function before(e: Element): Element {
  const previous = e.previousElementSibling;
  if (previous?.localName === "hr") return previous;
  if (previous && e.localName === "blockquote" && previous.matches(`.${prefix}moz-cite-prefix, .${prefix}gmail_attr`))
    return previous;
  if (
    previous &&
    e.localName === "blockquote" &&
    (previous.textContent ?? "").trim().endsWith(":") &&
    (previous.textContent ?? "").length < 300
  )
    return previous;
  return e;
}

// Outlook's separator stands before what is quoted, beside it; all others hold it.
function quoteFrom(first: Element): ChildNode[] {
  const nodes: ChildNode[] = [first];
  const all =
    first.localName === "hr" ||
    first.matches(separators.join(",")) ||
    first.matches(`.${prefix}moz-cite-prefix, .${prefix}gmail_attr`);
  for (let next = first.nextSibling; next; next = next.nextSibling) {
    nodes.push(next);
    if (
      !all &&
      next instanceof (first.ownerDocument.defaultView as unknown as typeof globalThis).Element &&
      (next as Element).localName === "blockquote"
    )
      break;
  }
  return all
    ? nodes
    : first.localName === "blockquote" || nodes.length < 2 || first.matches(marks.join(","))
      ? [first]
      : nodes;
}

function saysSomethingBefore(body: HTMLElement, first: Element): boolean {
  const range = body.ownerDocument.createRange();
  range.setStart(body, 0);
  range.setEndBefore(first);
  if (range.toString().trim() !== "") return true;
  const pictures = [...body.querySelectorAll("img")];
  return pictures.some((p) => p.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING);
}
