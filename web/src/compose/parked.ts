// Style attributes, parked under another name. The policy of the page lets no parser read them, not even into a document that is never
// shown: it would complain of each. While a message is written its styles are parked, and shown through the DOM (region.tsx); as it is sent
// they are styles again.

export const parkedStyle = "data-style";

/** HTML with its style attributes parked. What is no markup is left as it is. */
export const park = (html: string) => rename(html, "style", parkedStyle);

/** The opposite; of HTML that a browser has written. */
export const unpark = (html: string) => rename(html, parkedStyle, "style");

/** Renames an attribute in all tags, in one pass: hostile mail must not cost more than its length. */
function rename(html: string, from: string, to: string): string {
  let out = "";
  let copied = 0;
  for (let at = html.indexOf("<"); at >= 0; at = html.indexOf("<", at)) {
    at++;
    if (!/[a-z]/i.test(html[at] ?? "")) continue;
    while (at < html.length && !/[\s/>]/.test(html[at]!)) at++; // the name of the element
    while (at < html.length && html[at] !== ">") {
      const begin = at;
      while (at < html.length && !/[\s/>=]/.test(html[at]!)) at++;
      if (html.slice(begin, at).toLowerCase() === from) {
        out += html.slice(copied, begin) + to;
        copied = at;
      }
      at = afterValue(html, at, begin);
    }
  }
  return out + html.slice(copied);
}

/** Where the next attribute may begin. */
function afterValue(html: string, at: number, begin: number): number {
  let end = at;
  while (/\s/.test(html[end] ?? "")) end++;
  if (html[end] !== "=")
    return Math.max(end, html[end] === "/" || end === begin ? end + (html[end] === ">" ? 0 : 1) : end);
  end++;
  while (/\s/.test(html[end] ?? "")) end++;
  const quote = html[end];
  if (quote === '"' || quote === "'") {
    const close = html.indexOf(quote, end + 1);
    return close < 0 ? html.length : close + 1;
  }
  while (end < html.length && !/[\s>]/.test(html[end]!)) end++;
  return end;
}
