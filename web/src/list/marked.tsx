import type { ComponentChildren } from "preact";

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#34": '"', "#39": "'" };

const plain = (html: string) => html.replace(/&(amp|lt|gt|quot|#34|#39);/g, (_, name: string) => entities[name]!);

/** A snippet of a search (RFC 8621 5): HTML in which nothing but <mark> is markup. It is taken apart, never put in as HTML. */
export function marked(html: string): ComponentChildren {
  return html
    .split(/(<mark>[^<]*<\/mark>)/)
    .map((part, i) => (i % 2 ? <mark key={i}>{plain(part.slice(6, -7))}</mark> : plain(part)));
}
