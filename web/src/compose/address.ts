// Addresses as people write and paste them: lists with names, groups, semicolons and lines, read as well as can be. What is no address is
// kept with the reason, so that it can be shown and put right; nothing that was typed is dropped.

/** Somebody a message goes to. `wrong` says why it cannot. */
export interface Person {
  name: string;
  email: string; // what was typed, where it is no address
  wrong?: Wrong;
}

export type Wrong = "noAt" | "noName" | "noDomain" | "signs" | "dots" | "long" | "two";

/** A hostile paste is cut here; what a person pastes is far shorter. */
export const maxPaste = 2_000_000;

/** Why this is no address that mail can be sent to; null for one that can be. Whether somebody is there only the servers know. */
export function wrongWith(email: string): Wrong | null {
  const at = email.lastIndexOf("@");
  if (at < 0) return "noAt";
  const local = email.slice(0, at);
  const domain = email.slice(at + 1);
  if (!local) return "noName";
  if (!domain) return "noDomain";
  const quoted = /^"(?:[^"\\]|\\.)*"$/.test(local);
  if (!quoted && local.includes("@")) return "two";
  // RFC 5321 4.5.3.1.1, .2: octets.
  if (octets(local) > 64 || octets(domain) > 255) return "long";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000- \u007f]/.test(email.replace(/^".*"@/, "")) || (!quoted && /[()<>,;:\\"[\]]/.test(local)))
    return "signs";
  if (!quoted && dotted(local)) return "dots";
  if (/^\[.*\]$/.test(domain)) return null; // an address literal: RFC 5321 4.1.3
  if (dotted(domain)) return "dots";
  const labels = domain.split(".");
  if (!labels.every((l) => /^[\p{L}\p{N}\p{M}_]([\p{L}\p{N}\p{M}_\-\u200c\u200d]*[\p{L}\p{N}\p{M}_])?$/u.test(l)))
    return "signs";
  return labels.some((l) => octets(l) > 63 && /^[ -~]*$/.test(l)) ? "long" : null;
}

const dotted = (s: string) => s.startsWith(".") || s.endsWith(".") || s.includes("..");
const octets = (s: string) => new TextEncoder().encode(s).length;

/** Reads what was typed or pasted. */
export function parsePeople(text: string): Person[] {
  const people: Person[] = [];
  for (const entry of split(text.slice(0, maxPaste))) people.push(...readEntry(entry));
  return people;
}

/** Parts a list at commas, semicolons and ends of lines, except inside quotes, brackets and comments. */
function split(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  let quote = false;
  let angle = false;
  let comment = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === "\\" && (quote || comment)) {
      part += c + (text[++i] ?? "");
      continue;
    }
    if (c === '"' && !comment && (quote || closes(text, i))) quote = !quote;
    else if (!quote && c === "(" && !angle) comment++;
    else if (!quote && c === ")" && comment) comment--;
    else if (!quote && !comment && c === "<") angle = true;
    else if (!quote && !comment && c === ">") angle = false;
    // A line ends everything: a quote or bracket that was never closed does not swallow the rest of what was pasted.
    const line = c === "\n" || c === "\r";
    if (line || ((c === "," || c === ";" || c === "\t") && !quote && !angle && !comment)) {
      parts.push(part);
      part = "";
      if (line) {
        quote = angle = false;
        comment = 0;
      }
    } else part += c;
  }
  return [...parts, part].map((p) => p.trim()).filter(Boolean);
}

/** Whether a quote that begins here ends on its line. */
function closes(text: string, at: number): boolean {
  const line = text.slice(at + 1).match(/^[^\r\n]*/)![0];
  return line.includes('"');
}

function groupOf(entry: string): RegExpMatchArray | null {
  const group = entry.match(/^([^<>"@:,;]+):\s*(.*)$/);
  return group && !/^mailto$/i.test(group[1]!.trim()) ? group : null;
}

function readEntry(text: string): Person[] {
  let entry = text;
  // RFC 5322 3.4: a group, "Friends: a@b, c@d;" The list is parted at its commas already, so its name stands before the first address.
  // Groups have none inside them; what looks as if they had is read by going on, not by going deeper.
  for (let group = groupOf(entry); group; group = groupOf(entry)) {
    if (!group[2]) return [];
    entry = group[2];
  }
  const bare = entry.replace(/^mailto:/i, "");
  const angle = bare.match(/^(.*?)<\s*([^<>]*)\s*>\s*(.*)$/s);
  if (angle) return [person(unquote(angle[1]!) || unquote(angle[3]!), angle[2]!.replace(/^mailto:/i, "").trim())];
  const comment = bare.match(/^([^\s()]+@[^\s()]+)\s*\((.*)\)$/);
  if (comment) return [person(comment[2]!.trim(), comment[1]!)];
  const words = bare.split(/\s+/);
  // "a@b c@d": addresses with blanks between them.
  if (words.length > 1 && words.every((w) => w.includes("@")) && !bare.includes('"'))
    return words.map((w) => person("", w));
  // "Ann Other ann@example.org": as it is copied from a table.
  const last = words.at(-1)!;
  if (words.length > 1 && last.includes("@") && !wrongWith(last))
    return [person(unquote(words.slice(0, -1).join(" ")), last)];
  return [person("", bare)];
}

export function person(name: string, email: string): Person {
  const wrong = wrongWith(email);
  const clean = name.replace(/\s+/g, " ").trim();
  return { name: clean.toLowerCase() === email.toLowerCase() ? "" : clean, email, ...(wrong && { wrong }) };
}

const unquote = (name: string) =>
  name
    .trim()
    .replace(/^(["'])(.*)\1$/s, "$2")
    .replace(/\\(.)/g, "$1")
    .trim();

/** Adds people to others, nobody twice. */
export function add(to: readonly Person[], more: readonly Person[]): Person[] {
  const seen = new Set(to.map(keyOf));
  return [...to, ...more.filter((p) => !seen.has(keyOf(p)) && seen.add(keyOf(p)))];
}

export const keyOf = (p: { email: string }) => p.email.toLowerCase();

/** As people read it, and as parsePeople reads it again: for copying. */
export function written(p: Person): string {
  if (!p.name) return p.email;
  const plain = /^[^()<>@,;:\\".[\]]*$/.test(p.name);
  return `${plain ? p.name : `"${p.name.replace(/[\\"]/g, "\\$&")}"`} <${p.email}>`;
}

/** Whether two addresses are one person's: the detail behind "+" does not count. */
export function sameAddress(a: string, b: string): boolean {
  return bare(a) === bare(b);
}

function bare(email: string): string {
  const at = email.lastIndexOf("@");
  return `${email.slice(0, Math.max(at, 0)).split("+")[0]}${email.slice(Math.max(at, 0))}`.toLowerCase();
}
