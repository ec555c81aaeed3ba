// CSS of messages. The browser parses it, into sheets and declarations that belong to no document and fetch nothing; what is let in is read from
// there, property by property, and written anew. The text that a stranger wrote goes nowhere.

import { functions, properties } from "./allowed";
import { type PictureSource, pictureSource } from "./urls";

const maxText = 512 << 10;
const maxRules = 5000;
const maxSelector = 2000;
const maxDepth = 4;

/** All names of a message bear this, so that they are never those of the frame or of a property of the document. */
export const prefix = "m-";

/** The element that stands for the message's body. */
export const bodyClass = "mm-body";

export interface Declaration {
  property: string;
  value: string;
  important: boolean;
  picture?: PictureSource; // the value waits for where it is
}

/** inlineDeclarations reads a style attribute. scratch is an element that is in no document that is shown. */
export function inlineDeclarations(text: string, scratch: HTMLElement): Declaration[] {
  if (text.length > maxText) return [];
  scratch.style.cssText = text;
  const kept = declarations(scratch.style);
  scratch.style.cssText = "";
  return kept;
}

let scratch: HTMLElement | undefined;

/** allowedStyle is what is left of a style attribute: no place that is fetched, nothing that leaves its place. */
export function allowedStyle(text: string): string {
  scratch ??= document.implementation.createHTMLDocument("").createElement("div");
  const kept = inlineDeclarations(text, scratch).filter((d) => !d.picture);
  return kept.map((d) => `${d.property}: ${d.value}${d.important ? " !important" : ""}`).join("; ");
}

/** declarations are those that are let in. */
export function declarations(style: CSSStyleDeclaration): Declaration[] {
  const kept: Declaration[] = [];
  for (let i = 0; i < style.length; i++) {
    const property = style.item(i);
    if (!properties.has(property)) continue;
    const value = style.getPropertyValue(property);
    const important = style.getPropertyPriority(property) === "important";
    const one = allowedValue(property, value);
    if (one) kept.push({ property, important, ...one });
  }
  return kept;
}

function allowedValue(property: string, value: string): { value: string; picture?: PictureSource } | undefined {
  if (property === "background-image") {
    const named = /^url\("([^"\\]*)"\)$/.exec(value); // the browser's spelling of a single url()
    if (named) {
      const picture = pictureSource(named[1] ?? "");
      return picture && { value: "", picture };
    }
  }
  if (!value || value.length > 1000 || value.includes("\\") || value.includes("<")) return undefined;
  for (const [, name] of value.matchAll(/([\w-]*)\(/g))
    if (!functions.has((name ?? "").toLowerCase())) return undefined;
  // Lengths of the viewport: here that is the frame, whose height follows its content, and the two would chase each other.
  if (/\d(?:[sld]?v(?:h|w|min|max|i|b)|cq\w+)\b/i.test(value)) return undefined;
  if (property === "display" && value === "contents") return undefined;
  return { value };
}

/** pictureValue is a declaration's value once it is known where its picture is. The path is ours or a data: URL that was looked at. */
export function pictureValue(path: string): string {
  return `url(${JSON.stringify(path)})`;
}

export interface Rule {
  selector: string; // the wrapper of a group: "@media (...)"
  declarations: Declaration[];
  rules?: Rule[];
}

/** rules reads what stands in style elements. */
export function rules(text: string): Rule[] {
  if (text.length > maxText || text.trim() === "") return [];
  const sheet = new CSSStyleSheet({ disabled: true });
  try {
    sheet.replaceSync(text); // CSSOM 4.1: a constructed sheet has no @import
  } catch {
    return [];
  }
  let left = maxRules;
  const walk = (list: CSSRuleList, depth: number): Rule[] => {
    const kept: Rule[] = [];
    for (const rule of list) {
      if (left-- <= 0) break;
      if (rule instanceof CSSStyleRule) {
        const selector = safeSelector(rule.selectorText);
        const inside = declarations(rule.style);
        if (selector && inside.length > 0) kept.push({ selector, declarations: inside });
      } else if (rule instanceof CSSMediaRule && depth < maxDepth && safeMedia(rule.media.mediaText)) {
        const inside = walk(rule.cssRules, depth + 1);
        if (inside.length > 0)
          kept.push({ selector: `@media ${rule.media.mediaText}`, declarations: [], rules: inside });
      }
    }
    return kept;
  };
  return walk(sheet.cssRules, 0);
}

// What asks for dark colours goes: coloured mail is shown on white paper in both themes, and half of its dark rules would not fit that.
function safeMedia(text: string): boolean {
  return text.length < 300 && !/prefers-color-scheme|[{};<\\]/i.test(text);
}

/** safeSelector gives names the prefix and makes "html" and "body" the element that stands for them. The text is the browser's spelling, in which strings are
 * quoted and escapes are few; what has one of those that matter is not kept. */
export function safeSelector(text: string): string | undefined {
  if (text.length > maxSelector || /[\\{};@<&]/.test(text) || text.includes("::part") || text.includes(":host"))
    return undefined;
  let out = "";
  for (const [token] of text.matchAll(
    /"[^"]*"|\[[^\]"]*(?:"[^"]*")?[^\]]*\]|[.#]-?[\w\u0080-\uffff-]+|:{1,2}[\w-]+|[\w\u0080-\uffff-]+|[\s\S]/g,
  )) {
    if ((token.startsWith(".") || token.startsWith("#")) && token.length > 1) out += token[0] + prefix + token.slice(1);
    else if (token === "body" || token === "html" || token === ":root") out += `.${bodyClass}`;
    else out += token;
  }
  return out;
}

/** sheetText writes rules for the frame's own sheet. where answers where a picture is. */
export function sheetText(list: readonly Rule[], where: (p: PictureSource) => string | undefined): string {
  return list
    .map((rule) => {
      if (rule.rules) return `${rule.selector}{${sheetText(rule.rules, where)}}`;
      return `${rule.selector}{${rule.declarations.map((d) => declarationText(d, where)).join("")}}`;
    })
    .join("\n");
}

function declarationText(d: Declaration, where: (p: PictureSource) => string | undefined): string {
  let value = d.value;
  if (d.picture) {
    const path = where(d.picture);
    if (path === undefined) return "";
    value = pictureValue(path);
  }
  return `${d.property}:${value}${d.important ? "!important" : ""};`;
}
