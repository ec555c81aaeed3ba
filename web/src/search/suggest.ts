// What could be meant by what stands before the caret.
import type { Key } from "../i18n";
import type { Contact, Mailbox } from "../jmap/types";
import { pathOf } from "./filter";
import { type Operator, operators, printValue, tokens } from "./query";

export interface Suggestion {
  kind: "operator" | "person" | "folder" | "value" | "recent";
  /** What the text is when it is chosen, and where the caret is then. */
  text: string;
  caret: number;
  /** What is shown: something that was or could be typed, and what it means. */
  shown: string;
  meaning?: Key;
  name?: string;
  /** Choosing it searches; else one goes on typing. */
  done: boolean;
}

export interface Known {
  mailboxes: readonly Mailbox[];
  people: (text: string) => Promise<readonly Contact[]>;
  recent: readonly string[];
}

/** How many are shown. */
const most = 8;

const meanings: Readonly<Record<Operator, Key>> = {
  from: "search.opFrom",
  to: "search.opTo",
  cc: "search.opCc",
  bcc: "search.opBcc",
  subject: "search.opSubject",
  body: "search.opBody",
  has: "search.opHas",
  filename: "search.opFilename",
  in: "search.opIn",
  label: "search.opLabel",
  is: "search.opIs",
  before: "search.opBefore",
  after: "search.opAfter",
  on: "search.opOn",
  older_than: "search.opOlder",
  newer_than: "search.opNewer",
  larger: "search.opLarger",
  smaller: "search.opSmaller",
  list: "search.opList",
};

const values: Partial<Record<Operator, readonly (readonly [value: string, meaning: Key])[]>> = {
  has: [["attachment", "search.hasAttachment"]],
  is: [
    ["unread", "search.isUnread"],
    ["read", "search.isRead"],
    ["starred", "search.isStarred"],
    ["important", "search.isImportant"],
    ["snoozed", "search.isSnoozed"],
    ["muted", "search.isMuted"],
    ["answered", "search.isAnswered"],
  ],
  before: [
    ["today", "search.today"],
    ["yesterday", "search.yesterday"],
  ],
  after: [
    ["today", "search.today"],
    ["yesterday", "search.yesterday"],
  ],
  on: [
    ["today", "search.today"],
    ["yesterday", "search.yesterday"],
  ],
  older_than: [
    ["7d", "search.week"],
    ["1m", "search.month"],
    ["1y", "search.year"],
  ],
  newer_than: [
    ["7d", "search.week"],
    ["1m", "search.month"],
    ["1y", "search.year"],
  ],
  larger: [
    ["1M", "search.size1"],
    ["5M", "search.size5"],
    ["20M", "search.size20"],
  ],
  smaller: [
    ["1M", "search.size1"],
    ["5M", "search.size5"],
  ],
};

/** The operator and the beginning of a value before the caret, and where they stand. */
export function wordBefore(text: string, caret: number): { operator: Operator | null; value: string; from: number } {
  const list = tokens(text.slice(0, caret));
  const [before, last] = [list.at(-2), list.at(-1)];
  if (!last || last.to !== caret) return { operator: null, value: "", from: caret };
  if (last.kind === "operator") return { operator: last.operator, value: "", from: last.from };
  if (last.kind !== "word") return { operator: null, value: "", from: caret };
  if (last.quoted && /["“”]$/u.test(text.slice(last.from + 1, caret)))
    return { operator: null, value: "", from: caret };
  if (before?.kind === "operator" && before.to === last.from)
    return { operator: before.operator, value: last.value, from: before.from };
  return { operator: null, value: last.value, from: last.from };
}

export async function suggest(text: string, caret: number, known: Known): Promise<Suggestion[]> {
  const word = wordBefore(text, caret);
  const put = (term: string, shown: Omit<Suggestion, "text" | "caret">): Suggestion => {
    const before = text.slice(0, word.from) + term;
    const gap = shown.done && !/^\s/.test(text.slice(caret)) ? " " : "";
    return { ...shown, text: before + gap + text.slice(caret), caret: before.length + gap.length };
  };
  if (!text.trim()) return recent(text, known);
  const found = word.operator
    ? await valuesOf(word.operator, word.value, known, put)
    : await plain(word.value, known, put);
  return [...found, ...(word.operator ? [] : recent(text, known))].slice(0, most);
}

type Put = (term: string, shown: Omit<Suggestion, "text" | "caret">) => Suggestion;

async function valuesOf(operator: Operator, value: string, known: Known, put: Put): Promise<Suggestion[]> {
  if (["from", "to", "cc", "bcc"].includes(operator)) return value ? people(operator, value, known, put) : [];
  if (operator === "in" || operator === "label") return folders(operator, value, known, put);
  const begun = (values[operator] ?? []).filter(([v]) => v.toLowerCase().startsWith(value.toLowerCase()));
  return begun.map(([v, meaning]) =>
    put(`${operator}:${v}`, { kind: "value", shown: `${operator}:${v}`, meaning, done: true }),
  );
}

async function plain(value: string, known: Known, put: Put): Promise<Suggestion[]> {
  if (!value) return [];
  const begun = operators.filter((o) => o.startsWith(value.toLowerCase()));
  const states = (values.is ?? []).filter(([v]) => v.startsWith(value.toLowerCase()));
  return [
    ...begun.map((o) => put(`${o}:`, { kind: "operator", shown: `${o}:`, meaning: meanings[o], done: false })),
    ...states.map(([v, meaning]) => put(`is:${v}`, { kind: "value", shown: `is:${v}`, meaning, done: true })),
    ...(value.length > 1 ? await people("from", value, known, put) : []),
    ...(value.length > 1 ? folders("in", value, known, put).slice(0, 3) : []),
  ];
}

async function people(operator: Operator, value: string, known: Known, put: Put): Promise<Suggestion[]> {
  const contacts = await known.people(value).catch(() => []); // without a connection there are no people
  return contacts.slice(0, 5).map((c) =>
    put(`${operator}:${printValue(c.email)}`, {
      kind: "person",
      shown: `${operator}:${c.email}`,
      name: c.name || c.email,
      done: true,
    }),
  );
}

function folders(operator: Operator, value: string, known: Known, put: Put): Suggestion[] {
  const wanted = value.toLocaleLowerCase();
  const named = known.mailboxes.map((m) => ({ name: m.role ?? pathOf(m, known.mailboxes), own: m.name }));
  return named
    .filter(({ name, own }) => [name, own].some((n) => n.toLocaleLowerCase().includes(wanted)))
    .slice(0, most)
    .map(({ name, own }) => {
      const term = `${operator}:${printValue(name)}`;
      return put(term, { kind: "folder", shown: term, name: own, done: true });
    });
}

function recent(text: string, known: Known): Suggestion[] {
  const begun = text.trim().toLocaleLowerCase();
  return known.recent
    .filter((r) => r.toLocaleLowerCase().startsWith(begun) && r !== text.trim())
    .slice(0, begun ? 3 : most)
    .map((r) => ({ kind: "recent", text: r, caret: r.length, shown: r, done: true }));
}
