import createDOMPurify from "dompurify";
import { elements, withContent } from "./allowed";
import { safeLink } from "./urls";

/**
 * quotable is the HTML of a message as another one may quote it: what it says, its links and tables, and none of its styles, names and
 * pictures but those that are in the message itself (cid:). Nothing in it is fetched by a page that it is put into.
 */
export function quotable(html: string): string {
  const purify = createDOMPurify(window);
  purify.addHook("afterSanitizeAttributes", (node) => {
    const href = node.getAttribute("href");
    if (href !== null) {
      const target = safeLink(href);
      if (target === undefined || target.startsWith("#")) node.removeAttribute("href");
      else node.setAttribute("href", target);
    }
    const src = node.getAttribute("src");
    if (src !== null && !/^cid:[^\s<>"]+$/i.test(src)) node.remove();
  });
  return purify.sanitize(html, {
    ALLOWED_TAGS: elements.filter((name) => !["map", "area"].includes(name)),
    ALLOWED_ATTR: [
      "href",
      "src",
      "alt",
      "width",
      "height",
      "align",
      "colspan",
      "rowspan",
      "dir",
      "lang",
      "start",
      "type",
    ],
    FORBID_CONTENTS: [...withContent],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto|tel|cid):/i,
  });
}
