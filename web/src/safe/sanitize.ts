// What is let in of a message's HTML. DOMPurify parses it into a document that is not shown, fetches nothing and runs nothing, and walks that with the lists of allowed.ts;
// the nodes that are left are moved into the frame as they are. There is no text in between that a second parser could read otherwise (mutation XSS).
//
// No node that leaves here names a place that a browser would fetch: pictures and styles are kept beside the nodes, and given to them in the frame
// (place.ts), once it is decided which may be shown.

import createDOMPurify, { type Config, type DOMPurify } from "dompurify";
import { attributes, elements, withContent } from "./allowed";
import { bodyClass, type Declaration, inlineDeclarations, prefix, type Rule, rules } from "./css";
import { type PictureSource, pictureSource, safeLink } from "./urls";

export interface Clean {
  /** An element of a document that is not shown, standing for the message's body. */
  body: HTMLElement;
  rules: Rule[];
  styles: { element: HTMLElement; declarations: Declaration[] }[];
  pictures: { element: HTMLImageElement; source: PictureSource; tracker: boolean }[];
  /** Remote pictures without those that are there to watch the reader: each URL once. */
  remote: string[];
  trackers: number;
  /** It sets colours of its own, so that it needs the paper it was made for. */
  coloured: boolean;
}

/** Columns or rows that a cell may span. */
const maxSpan = 100;

const config: Config = {
  ALLOWED_TAGS: [...elements],
  ALLOWED_ATTR: [...attributes],
  FORBID_CONTENTS: [...withContent],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOW_UNKNOWN_PROTOCOLS: false,
  ALLOW_SELF_CLOSE_IN_ATTR: false,
  ALLOWED_NAMESPACES: ["http://www.w3.org/1999/xhtml"],
  SANITIZE_DOM: true,
  SAFE_FOR_XML: true,
  WHOLE_DOCUMENT: true, // the head's styles count, and the body's colours
  RETURN_DOM: true,
  KEEP_CONTENT: true,
};

/** sanitize takes a message's HTML. It throws nothing for what it finds there. */
export function sanitize(html: string, view: Window & typeof globalThis = window): Clean {
  const purify = createDOMPurify(view);
  const work = new Work(view.document.implementation.createHTMLDocument("").createElement("div"));
  purify.addHook("uponSanitizeElement", (node, data) => {
    if (data.tagName === "style" && node instanceof view.HTMLStyleElement) work.sheet(node.textContent ?? "");
  });
  purify.addHook("uponSanitizeAttribute", (node, data) => {
    const kept = work.attribute(node as HTMLElement, data.attrName, data.attrValue);
    if (kept === undefined) data.keepAttr = false;
    else data.attrValue = kept;
  });
  purify.addHook("afterSanitizeAttributes", (node) => work.element(node));
  const root = purified(purify, html);
  work.clean.body = bodyOf(root, work);
  work.count();
  return work.clean;
}

function purified(purify: DOMPurify, html: string): HTMLElement {
  return purify.sanitize(html, { ...config, RETURN_DOM: true }) as HTMLElement;
}

/** bodyOf makes the body a plain element: in the frame there is a body already. */
function bodyOf(root: HTMLElement, work: Work): HTMLElement {
  const owner = root.ownerDocument;
  const stands = owner.createElement("div");
  const body = root.localName === "body" ? root : root.querySelector("body");
  for (const { name, value } of body?.attributes ?? []) stands.setAttribute(name, value);
  // What the attributes say comes first: the style wins (HTML 15.3.2).
  const said = (property: string, attribute: string) =>
    inlineDeclarations(`${property}:${body?.getAttribute(attribute) ?? ""}`, work.scratch);
  const own = work.clean.styles.filter((s) => s.element === root || s.element === body).flatMap((s) => s.declarations);
  const declarations = [...said("background-color", "bgcolor"), ...said("color", "text"), ...own];
  if (declarations.length > 0) work.clean.styles.push({ element: stands, declarations });
  stands.removeAttribute("bgcolor");
  stands.removeAttribute("text");
  stands.classList.add(bodyClass);
  stands.append(...(body?.childNodes ?? []));
  return stands;
}

/** Work is one message being looked at. */
class Work {
  readonly clean: Clean = {
    body: undefined as unknown as HTMLElement,
    rules: [],
    styles: [],
    pictures: [],
    remote: [],
    trackers: 0,
    coloured: false,
  };
  private readonly declared = new Map<Element, Declaration[]>();
  private readonly sources = new Map<Element, PictureSource>();
  private readonly read = new Map<string, Declaration[]>(); // messages say the same style a thousand times

  constructor(readonly scratch: HTMLElement) {}

  sheet(text: string): void {
    if (this.clean.rules.length < 5000) this.clean.rules.push(...rules(text));
  }

  /** attribute is what is left of one attribute; undefined: it goes, perhaps noted. */
  attribute(node: HTMLElement, name: string, value: string): string | undefined {
    switch (name) {
      case "style": {
        const before = this.declared.get(node);
        const kept = this.inline(value);
        this.declared.set(node, before ? [...before, ...kept] : kept);
        return undefined;
      }
      case "background":
        this.background(node, value);
        return undefined;
      case "src": {
        const source = node.localName === "img" ? pictureSource(value) : undefined;
        if (source) this.sources.set(node, source);
        return undefined;
      }
      case "href": {
        const target = node.localName === "a" || node.localName === "area" ? safeLink(value) : undefined;
        return target?.startsWith("#") ? `#${prefix}${target.slice(1)}` : target;
      }
      case "id":
      case "name":
        return prefix + value.slice(0, 200);
      case "usemap":
        return `#${prefix}${value.replace(/^#/, "").slice(0, 200)}`;
      case "class":
        return prefixed(value);
      case "colspan": // a table of a thousand cells that each span a thousand is laid out for minutes
      case "rowspan":
      case "span":
        return String(Math.min(Number.parseInt(value, 10) || 1, maxSpan));
      case "headers": // names of cells, without use where rows are layout
        return undefined;
      case "role":
        return ["presentation", "none", "img", "list", "listitem", "heading"].includes(value) ? value : undefined;
      case "type":
        return ["a", "A", "i", "I", "1", "disc", "circle", "square", "cite"].includes(value) ? value : undefined;
      default:
        return value;
    }
  }

  private inline(text: string): Declaration[] {
    let kept = this.read.get(text);
    if (!kept) {
      kept = inlineDeclarations(text, this.scratch);
      this.read.set(text, kept);
    }
    return kept;
  }

  /** A background picture stands before what the style attribute says, which wins (HTML 15.3.2). */
  private background(node: HTMLElement, value: string): void {
    const picture = pictureSource(value);
    if (!picture) return;
    const first: Declaration = { property: "background-image", value: "", important: false, picture };
    this.declared.set(node, [first, ...(this.declared.get(node) ?? [])]);
  }

  /** element sees each element that stays, after its attributes. */
  element(node: Element): void {
    if ((node.localName === "a" || node.localName === "area") && node.hasAttribute("href")) {
      node.setAttribute("rel", "noopener noreferrer");
      if (!node.getAttribute("href")?.startsWith("#")) node.setAttribute("target", "_blank");
    }
    const declarations = this.declared.get(node);
    if (declarations?.length) this.clean.styles.push({ element: node as HTMLElement, declarations });
    const source = this.sources.get(node);
    if (source) this.picture(node as HTMLImageElement, source, declarations ?? []);
  }

  private picture(element: HTMLImageElement, source: PictureSource, declarations: readonly Declaration[]): void {
    const tracker = source.kind === "remote" && isTracker(element, declarations);
    this.clean.pictures.push({ element, source, tracker });
    if (tracker) this.clean.trackers++;
  }

  count(): void {
    const remote = new Set<string>();
    for (const p of this.clean.pictures) if (p.source.kind === "remote" && !p.tracker) remote.add(p.source.url);
    const look = (d: Declaration) => {
      if (d.picture?.kind === "remote") remote.add(d.picture.url);
      if (d.picture || paints(d)) this.clean.coloured = true;
    };
    for (const s of this.clean.styles) s.declarations.forEach(look);
    const walk = (list: readonly Rule[]) => {
      for (const r of list) {
        r.declarations.forEach(look);
        if (r.rules) walk(r.rules);
      }
    };
    walk(this.clean.rules);
    for (const e of this.clean.body.querySelectorAll("[bgcolor],font[color]")) {
      const colour = e.getAttribute("bgcolor") ?? e.getAttribute("color") ?? "";
      const property = e.hasAttribute("bgcolor") ? "background-color" : "color";
      if (inlineDeclarations(`${property}:${colour}`, this.scratch).some(paints)) this.clean.coloured = true;
    }
    this.clean.remote = [...remote];
  }
}

function prefixed(names: string): string {
  return names
    .slice(0, 2000)
    .split(/\s+/)
    .filter((name) => name !== "")
    .map((name) => prefix + name)
    .join(" ");
}

/** A picture of a pixel, or one that is not shown, shows nothing: it is there to learn who reads. */
function isTracker(element: Element, declarations: readonly Declaration[]): boolean {
  const tiny = (v: string | null | undefined) => v !== null && v !== undefined && /^\s*[01](?:px)?\s*$/i.test(v);
  const declared = (property: string) => declarations.find((d) => d.property === property)?.value;
  const width = declared("width") ?? element.getAttribute("width");
  const height = declared("height") ?? element.getAttribute("height");
  return (tiny(width) && tiny(height)) || declared("display") === "none" || declared("visibility") === "hidden";
}

/** paints says whether a declaration needs light paper: black and grey ink does not, and neither does a background that is white or none. */
function paints(d: Declaration): boolean {
  if (d.property !== "color" && d.property !== "background-color") return false;
  const value = d.value.toLowerCase();
  if (/^(?:transparent|inherit|initial|unset|revert|currentcolor|windowtext|window|canvas|canvastext)$/.test(value))
    return false;
  const plain = d.property === "color" ? ["black"] : ["white"];
  if (plain.includes(value)) return false;
  const m = /^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/.exec(value);
  if (!m) return true;
  if (m[4] === "0") return false;
  const [r, g, b] = [Number(m[1]), Number(m[2]), Number(m[3])];
  const grey = Math.max(r, g, b) - Math.min(r, g, b) < 24;
  return !(grey && (d.property === "color" ? r < 0x90 : r > 0xf8));
}
