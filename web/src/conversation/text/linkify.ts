// Finds what in a plain text is an address of the web or of mail.

export type Piece = { text: string; href?: string };

const candidates =
  /\bhttps?:\/\/[^\s<>"“”„«»]{1,2000}|\bwww\.[^\s<>"“”„«»/]{1,250}\.[^\s<>"“”„«»]{1,2000}|\bmailto:[^\s<>"]{1,500}|[\p{L}\p{N}._%+-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,63}/giu;

/** So many are links; what comes after them is text, which costs the browser a hundredth. */
const most = 1000;

/** linkify takes a text apart into pieces; what leads somewhere has a target. */
export function linkify(text: string): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const m of text.matchAll(candidates)) {
    if (out.length >= 2 * most) break;
    const shown = withoutEnd(m[0]);
    const href = target(shown);
    if (!href) continue;
    if (m.index > at) out.push({ text: text.slice(at, m.index) });
    out.push({ text: shown, href });
    at = m.index + shown.length;
  }
  if (at < text.length) out.push({ text: text.slice(at) });
  return out;
}

// The full stop that ends a sentence, and the bracket that a URL stands in, are not of it.
function withoutEnd(found: string): string {
  const surplus = new Map<string, number>(); // of closing brackets over opening ones, in what is left
  const pairs: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
  for (const [close, open] of Object.entries(pairs)) surplus.set(close, count(found, close) - count(found, open));
  let end = found.length;
  for (; end > 0; end--) {
    const last = found[end - 1]!;
    if (/[.,;:!?'*_~]/.test(last)) continue;
    const more = surplus.get(last) ?? 0;
    if (more <= 0) break;
    surplus.set(last, more - 1);
  }
  return found.slice(0, end);
}

function count(text: string, sign: string): number {
  return text.split(sign).length - 1;
}

function target(shown: string): string | undefined {
  const raw = /^(?:https?:\/\/|mailto:)/i.test(shown)
    ? shown
    : shown.includes("@") && !/^www\./i.test(shown)
      ? `mailto:${shown}`
      : `https://${shown}`;
  try {
    return new URL(raw).href;
  } catch {
    return undefined;
  }
}
