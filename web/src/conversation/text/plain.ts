// Plain text as people mean it: paragraphs that flow (RFC 3676), quotes of several depths, what stands below "-- ".

export type Section =
  | { kind: "text"; text: string }
  | { kind: "signature"; text: string }
  | { kind: "quote"; sections: Section[]; folded: boolean };

export interface Flow {
  flowed: boolean;
  delSp: boolean;
}

const maxDepth = 12;
const maxSections = 500; // side by side; what comes after them is text with its marks
const longQuote = 14; // lines that a quote in the middle of an answer may have before it is folded

interface Line {
  depth: number;
  text: string;
}

/** flowOf reads the parameters of a Content-Type field (RFC 3676 4). */
export function flowOf(contentType: string | null | undefined): Flow {
  const flowed = /;\s*format\s*=\s*"?flowed/i.test(contentType ?? "");
  return { flowed, delSp: flowed && /;\s*delsp\s*=\s*"?yes/i.test(contentType ?? "") };
}

/** sections takes a text apart. */
export function sections(text: string, flow: Flow = { flowed: false, delSp: false }): Section[] {
  const lines = flow.flowed ? flowedLines(text, flow.delSp) : fixedLines(text);
  return foldLast(group(lines, 0));
}

function fixedLines(text: string): Line[] {
  return text.split(/\r?\n/).map((raw) => {
    let at = 0;
    let depth = 0;
    while (depth < maxDepth && (raw[at] === ">" || (depth > 0 && raw[at] === " " && raw[at + 1] === ">"))) {
      if (raw[at] === ">") depth++;
      at++;
    }
    return { depth, text: depth > 0 && raw[at] === " " ? raw.slice(at + 1) : raw.slice(at) };
  });
}

// RFC 3676 4.1 to 4.5: marks of quotes stand close together, a space after them is stuffing, a space at the end lets the line flow on into the
// next one of the same depth; "-- " never does.
function flowedLines(text: string, delSp: boolean): Line[] {
  const out: Line[] = [];
  let flows = false;
  for (const raw of text.split(/\r?\n/)) {
    const marks = /^>*/.exec(raw)?.[0].length ?? 0;
    const depth = Math.min(marks, maxDepth);
    let rest = raw.slice(marks);
    if (rest.startsWith(" ")) rest = rest.slice(1);
    const last = out.at(-1);
    const soft = rest.endsWith(" ") && rest !== "-- ";
    const content = soft && delSp ? rest.slice(0, -1) : rest;
    if (flows && last && last.depth === depth && rest !== "-- ") last.text += content;
    else out.push({ depth, text: content });
    flows = soft;
  }
  return out;
}

function group(lines: readonly Line[], depth: number): Section[] {
  const out: Section[] = [];
  let plain: string[] = [];
  const flush = () => {
    out.push(...textSections(plain, depth === 0));
    plain = [];
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (line.depth <= depth) {
      plain.push(line.text);
      continue;
    }
    if (out.length >= maxSections) {
      plain.push(`${">".repeat(line.depth - depth)} ${line.text}`);
      continue;
    }
    let end = i;
    while (end < lines.length && lines[end]!.depth > depth) end++;
    flush();
    out.push({ kind: "quote", sections: group(lines.slice(i, end), depth + 1), folded: end - i > longQuote });
    i = end - 1;
  }
  flush();
  return out;
}

function textSections(lines: readonly string[], withSignature: boolean): Section[] {
  // RFC 3676 4.3: the line "-- " parts a signature; many programs lose its space.
  const at = withSignature ? lines.findLastIndex((l) => l === "-- " || l === "--") : -1;
  const body = trimmed(at < 0 ? lines : lines.slice(0, at));
  const signature = at < 0 ? "" : trimmed(lines.slice(at + 1));
  const out: Section[] = [];
  if (body) out.push({ kind: "text", text: body });
  if (signature) out.push({ kind: "signature", text: signature });
  return out;
}

// Not by one expression with "\s+$": that tries anew at each of a hundred thousand blanks.
const trimmed = (lines: readonly string[]) =>
  lines
    .join("\n")
    .replace(/^(?:[ \t]*\n)+/, "")
    .trimEnd();

/** The quote that ends a text is what is answered, which stands above in the conversation: it is folded, with the line that says who wrote it. */
function foldLast(list: Section[]): Section[] {
  const at = list.findLastIndex((s) => s.kind !== "signature");
  const last = list[at];
  const first = list[0];
  if (last?.kind !== "quote" || at === 0 || first === undefined) return list;
  const before = list[at - 1];
  last.folded = true;
  if (before?.kind !== "text") return list;
  const lines = before.text.split("\n");
  const from = introduction(lines);
  if (from < lines.length) {
    last.sections.unshift({ kind: "text", text: lines.slice(from).join("\n") });
    before.text = trimmed(lines.slice(0, from));
    if (before.text === "") list.splice(at - 1, 1);
  }
  if (list[0] === last) last.folded = false; // nothing but a quote: then that is what is to be read
  return list;
}

/** "On Monday, Ann wrote:", of at most three lines that end in a colon. */
function introduction(lines: readonly string[]): number {
  if (!lines.at(-1)?.trim().endsWith(":")) return lines.length;
  let from = lines.length - 1;
  while (
    from > 0 &&
    lines.length - from < 3 &&
    lines[from - 1]!.trim() !== "" &&
    !/[.!?]$/.test(lines[from - 1]!.trim())
  )
    from--;
  return lines.slice(from).join(" ").length < 300 ? from : lines.length;
}
