// HTML of others, made harmless before it can be written in: no script, no form, no frame, nothing that is fetched. Loaded when it is needed.
import DOMPurify from "dompurify";
import { allowedStyle } from "../safe";
import { park, parkedStyle } from "./parked";

const purify = DOMPurify(window);

/** Elements that have no place in what one quotes. */
const never = [
  "style",
  "form",
  "input",
  "button",
  "select",
  "textarea",
  "svg",
  "math",
  "video",
  "audio",
  "dialog",
  "template",
  "base",
  "link",
  "meta",
];

purify.addHook("afterSanitizeAttributes", (e) => {
  const style = e.getAttribute(parkedStyle);
  if (style !== null) {
    const kept = allowedStyle(style);
    if (kept) e.setAttribute(parkedStyle, kept);
    else e.removeAttribute(parkedStyle);
  }
  if (e.tagName === "IMG") {
    const src = e.getAttribute("src") ?? "";
    if (!/^(cid:|https?:|data:image\/(png|jpeg|gif|webp);)/i.test(src)) e.removeAttribute("src");
    e.removeAttribute("srcset");
  }
});

export function clean(html: string): string {
  return purify.sanitize(park(html), {
    USE_PROFILES: { html: true },
    FORBID_TAGS: never,
    FORBID_ATTR: [
      "style",
      "class",
      "id",
      "srcset",
      "background",
      "contenteditable",
      "autofocus",
      "tabindex",
      "accesskey",
      "name",
      "target",
    ],
    ADD_ATTR: [parkedStyle],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

/** The same, with the classes that part a draft of ours. */
export function cleanDraft(html: string): string {
  return purify.sanitize(park(html), {
    USE_PROFILES: { html: true },
    FORBID_TAGS: never,
    FORBID_ATTR: [
      "style",
      "id",
      "srcset",
      "background",
      "contenteditable",
      "autofocus",
      "tabindex",
      "accesskey",
      "name",
      "target",
    ],
    ADD_ATTR: [parkedStyle],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}
