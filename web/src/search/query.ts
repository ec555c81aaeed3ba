// What somebody has typed into the search box, as a tree, and the tree as text again.
//
//   query  = choice *( [ "AND" ] choice )       everything holds
//   choice = part *( ( "OR" / "|" ) part )      one of these does: OR binds tighter than the blank, as in Gmail
//   part   = [ "-" / "NOT" ] ( "(" query ")" / "{" query "}" / operator ":" value / operator ":(" query ")" / value )
//   value  = word / <"> phrase <">
//
// In braces one of the parts holds. An operator before a parenthesis holds for the bare words in it: subject:(lunch OR dinner).
// Promises: every text is read as something, whatever brackets and quotes are missing; what is printed is read as the same tree.

export const operators = [
  "from",
  "to",
  "cc",
  "bcc",
  "subject",
  "body",
  "has",
  "filename",
  "in",
  "label",
  "is",
  "before",
  "after",
  "on",
  "older_than",
  "newer_than",
  "larger",
  "smaller",
  "list",
] as const;

export type Operator = (typeof operators)[number];

/** Names that people bring along from elsewhere. */
const aliases: Readonly<Record<string, Operator>> = { older: "before", newer: "after", size: "larger" };

export type Query =
  | { kind: "all" | "any"; of: Query[] }
  | { kind: "not"; of: Query }
  | { kind: "term"; operator: Operator | null; value: string };

/** The longest text that is read, and the deepest brackets; the server has bounds of its own (RFC 8620 5.5: unsupportedFilter). */
export const maxText = 1000;
const maxDepth = 15;

export type Token =
  | { kind: "(" | ")" | "{" | "}" | "or" | "and" | "-"; from: number; to: number }
  | { kind: "operator"; operator: Operator; from: number; to: number }
  | { kind: "word"; value: string; quoted: boolean; from: number; to: number };

const blank = /\s/u;
const quotes = '"“”„‟';
const ends = `(){}|${quotes}`;

/** The words of a text, with where they stand in it. */
export function tokens(text: string): Token[] {
  const list: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const sign = text[at]!;
    if (blank.test(sign)) {
      at++;
      continue;
    }
    const token = readToken(text, at, list.at(-1));
    list.push(token);
    at = token.to;
  }
  return list;
}

function readToken(text: string, from: number, before: Token | undefined): Token {
  const sign = text[from]!;
  if ("(){}".includes(sign)) return { kind: sign as "(", from, to: from + 1 };
  if (sign === "|") return { kind: "or", from, to: from + 1 };
  if (quotes.includes(sign)) return readPhrase(text, from);
  const valued = before?.kind === "operator" && before.to === from;
  if (sign === "-" && !valued) {
    const dash = from + 1 === text.length || blank.test(text[from + 1]!); // it negates nothing, and says nothing
    return { kind: dash ? "and" : "-", from, to: from + 1 };
  }
  const named = valued ? null : /^([a-z_]+):/i.exec(text.slice(from, from + 16));
  const operator = named && operatorOf(named[1]!);
  if (operator) return { kind: "operator", operator, from, to: from + named[0].length };
  return readWord(text, from, valued);
}

export function operatorOf(name: string): Operator | undefined {
  const lower = name.toLowerCase();
  return operators.find((o) => o === lower) ?? (Object.hasOwn(aliases, lower) ? aliases[lower] : undefined);
}

function readPhrase(text: string, from: number): Token {
  let value = "";
  for (let at = from + 1; at < text.length; at++) {
    if (quotes.includes(text[at]!)) return { kind: "word", value, quoted: true, from, to: at + 1 };
    if (text[at] === "\\" && at + 1 < text.length) at++;
    value += text[at];
  }
  return { kind: "word", value, quoted: true, from, to: text.length }; // nothing ends it: the text does
}

function readWord(text: string, from: number, valued: boolean): Token {
  let to = from + 1;
  while (to < text.length && !blank.test(text[to]!) && !ends.includes(text[to]!)) to++;
  const value = text.slice(from, to);
  if (!valued && value === "OR") return { kind: "or", from, to };
  if (!valued && value === "AND") return { kind: "and", from, to };
  if (!valued && value === "NOT") return { kind: "-", from, to };
  return { kind: "word", value, quoted: false, from, to };
}

export function parse(text: string): Query {
  return new Reader(tokens(text.slice(0, maxText))).read();
}

class Reader {
  private at = 0;

  constructor(private readonly list: readonly Token[]) {}

  read(): Query {
    const parts: Query[] = [];
    // A bracket that nothing opened is passed over.
    while (this.at < this.list.length) {
      parts.push(...this.conjunction(null, 0));
      this.at++;
    }
    return join("all", parts);
  }

  /** Up to the bracket that ends it, or the end. */
  private conjunction(operator: Operator | null, depth: number, kind: "all" | "any" = "all"): Query[] {
    const parts: Query[] = [];
    let choosing = false;
    for (
      let token = this.list[this.at];
      token && token.kind !== ")" && token.kind !== "}";
      token = this.list[this.at]
    ) {
      if (token.kind === "or" || token.kind === "and") {
        choosing = token.kind === "or" && parts.length > 0;
        this.at++;
        continue;
      }
      const part = this.part(operator, depth);
      if (part && choosing && kind === "all") parts.push(join("any", [parts.pop()!, part]));
      else if (part) parts.push(part);
      choosing = false;
    }
    return parts;
  }

  private part(operator: Operator | null, depth: number): Query | null {
    const token = this.list[this.at++]!;
    switch (token.kind) {
      case "-": {
        // Only one is read of "- - -x", so that no text is deeper than its brackets.
        while (this.list[this.at]?.kind === "-") this.at++;
        const next = this.list[this.at];
        if (!next || next.kind === ")" || next.kind === "}" || next.kind === "or" || next.kind === "and") return null;
        const of = this.part(operator, depth);
        return of && { kind: "not", of };
      }
      case "(":
      case "{":
        return this.group(token.kind, operator, depth);
      case "operator":
        return this.valued(token, depth);
      case "word":
        return token.value.trim() ? { kind: "term", operator, value: token.value } : null;
    }
    return null;
  }

  private group(open: "(" | "{", operator: Operator | null, depth: number): Query | null {
    if (depth >= maxDepth) return null;
    const kind = open === "(" ? "all" : "any";
    const parts = this.conjunction(operator, depth + 1, kind);
    this.at++; // the bracket that ends it
    return parts.length ? join(kind, parts) : null;
  }

  private valued(token: Token & { kind: "operator" }, depth: number): Query | null {
    const next = this.list[this.at];
    if (next?.from === token.to && (next.kind === "(" || next.kind === "{")) {
      this.at++;
      return this.group(next.kind, token.operator, depth);
    }
    if (next?.from === token.to && next.kind === "word") {
      this.at++;
      return { kind: "term", operator: token.operator, value: next.value };
    }
    return { kind: "term", operator: token.operator, value: "" }; // it is told that something is missing
  }
}

/** Joins parts; one is itself, and parts of the same kind are one. */
function join(kind: "all" | "any", parts: readonly Query[]): Query {
  const of = parts.flatMap((p) => (p.kind === kind ? p.of : [p]));
  return of.length === 1 ? of[0]! : { kind, of };
}

/** The text of a tree: parse(print(q)) is q. */
export function print(q: Query): string {
  if (q.kind === "term") return printTerm(q.operator, q.value);
  if (q.kind === "not") return `-${q.of.kind === "term" ? print(q.of) : `(${print(q.of)})`}`;
  if (q.kind === "all") return q.of.map(print).join(" "); // a choice among them binds tighter
  return q.of.map((p) => (p.kind === "all" ? `(${print(p)})` : print(p))).join(" OR ");
}

function printTerm(operator: Operator | null, value: string): string {
  const name = operator ? `${operator}:` : "";
  return name + (operator && !value ? "" : printValue(value, operator !== null));
}

/** A value as it has to be typed: in quotes where it would be read as something else. */
export function printValue(value: string, valued = true): string {
  const again = tokens(valued ? `to:${value}` : value);
  const word = again.at(-1);
  const same = again.length === (valued ? 2 : 1) && word?.kind === "word" && !word.quoted && word.value === value;
  return same ? value : `"${value.replace(/["“”„‟\\]/gu, "\\$&")}"`;
}
