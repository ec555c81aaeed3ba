// The tree of a search as the filter of Email/query (RFC 8621 4.4.1), and what of it could not be understood.
import type { Key } from "../i18n";
import type { EmailCondition, EmailFilter, Id, Mailbox, Role } from "../jmap/types";
import { type Operator, operatorOf, type Query } from "./query";
import { readAge, readDate, readSize } from "./value";

/** Something that was typed and is passed over: `t(key, holes)` says what would be right. */
export interface Problem {
  key: Key;
  holes: Record<string, string>;
}

export interface Found {
  filter: EmailFilter;
  problems: Problem[];
  /** The mailbox that is searched, where it is one. */
  mailboxId?: Id;
}

interface Where {
  mailboxes: readonly Mailbox[];
  now: Date;
}

/** The most conditions that are asked for (the server takes 500, words included). */
const maxConditions = 150;
/** RFC 8621 4.4.1: a condition without properties is true of every email. */
const nothing: EmailFilter = { operator: "NOT", conditions: [{}] };
const utc = (at: Date) => at.toISOString().replace(/\.\d+Z$/, "Z");

export function toFilter(query: Query, where: Where): Found {
  const maker = new Maker(where);
  const found = maker.of(query);
  const conditions = found ? [found] : [];
  // Nobody looks for what was thrown away, unless he says so.
  const hidden = where.mailboxes.filter((m) => m.role === "trash" || m.role === "junk").map((m) => m.id);
  if (!maker.placed && hidden.length) conditions.push({ inMailboxOtherThan: hidden });
  const filter = all(conditions);
  const mailboxId = only(query, where);
  return mailboxId ? { filter, problems: maker.problems, mailboxId } : { filter, problems: maker.problems };
}

/** The mailbox that all that is found lies in: an in: that nothing negates or has a choice from. */
function only(query: Query, where: Where): Id | undefined {
  const terms = query.kind === "all" ? query.of : [query];
  const placed = terms.filter((q) => q.kind === "term" && (q.operator === "in" || q.operator === "label"));
  const [one, ...more] = placed;
  if (one?.kind !== "term" || more.length) return undefined;
  const [id, ...others] = mailboxesNamed(one.value, where.mailboxes);
  return others.length ? undefined : id;
}

class Maker {
  readonly problems: Problem[] = [];
  placed = false; // it says where to look
  private conditions = 0;

  constructor(private readonly where: Where) {}

  of(q: Query): EmailFilter | null {
    if (q.kind === "term") return this.term(q.operator, q.value);
    if (q.kind === "not") {
      const inner = this.of(q.of);
      return inner && { operator: "NOT", conditions: [inner] };
    }
    const conditions = q.of.map((p) => this.of(p)).filter((f) => f !== null);
    if (!conditions.length) return null;
    return q.kind === "all" ? all(conditions) : { operator: "OR", conditions };
  }

  private term(operator: Operator | null, value: string): EmailFilter | null {
    if (++this.conditions > maxConditions) {
      if (this.conditions === maxConditions + 1) this.wrong("search.tooLong");
      return null;
    }
    if (!operator) return this.words(value);
    if (!value.trim()) return this.wrong("search.noValue", { operator });
    return makers[operator](value.trim(), this);
  }

  private words(value: string): EmailFilter {
    const [, name] = /^([a-z_]{2,15}):(?!\/)/i.exec(value) ?? [];
    if (name && !/^(re|fwd?|aw|wg|http|https|mailto)$/i.test(name) && !operatorOf(name))
      this.wrong("search.noOperator", { operator: name });
    return { text: phrase(value) };
  }

  wrong(key: Key, holes: Record<string, string> = {}): null {
    this.problems.push({ key, holes });
    return null;
  }

  date(value: string, make: (from: Date, to: Date) => EmailFilter): EmailFilter | null {
    const period = readDate(value, this.where.now);
    return period ? make(...period) : this.wrong("search.noDate", { value });
  }

  age(value: string, make: (at: Date) => EmailFilter): EmailFilter | null {
    const at = readAge(value, this.where.now);
    return at ? make(at) : this.wrong("search.noAge", { value });
  }

  size(value: string, make: (octets: number) => EmailFilter): EmailFilter | null {
    const octets = readSize(value);
    return octets === null ? this.wrong("search.noSize", { value }) : make(octets);
  }

  mailbox(value: string): EmailFilter | null {
    this.placed = true;
    if (/^(anywhere|all)$/i.test(value)) return {};
    if (/^(starred|flagged)$/i.test(value)) return states.starred!;
    if (/^important$/i.test(value) && !this.byRole("important")) return states.important!;
    const conditions = mailboxesNamed(value, this.where.mailboxes).map((inMailbox) => ({ inMailbox }));
    if (conditions.length) return conditions.length === 1 ? conditions[0]! : { operator: "OR", conditions };
    this.wrong("search.noMailbox", { value });
    return nothing;
  }

  /** What is in the mailbox of a role. */
  inRole(role: Role): EmailFilter {
    const mailbox = this.byRole(role);
    return mailbox ? { inMailbox: mailbox.id } : nothing;
  }

  private byRole(role: Role) {
    return this.where.mailboxes.find((m) => m.role === role);
  }
}

const makers: Readonly<Record<Operator, (value: string, maker: Maker) => EmailFilter | null>> = {
  from: (v) => ({ from: phrase(v) }),
  to: (v) => ({ to: phrase(v) }),
  cc: (v) => ({ cc: phrase(v) }),
  bcc: (v) => ({ bcc: phrase(v) }),
  subject: (v) => ({ subject: phrase(v) }),
  body: (v) => ({ body: phrase(v) }),
  filename: (v) => ({ operator: "AND", conditions: [{ hasAttachment: true }, { text: phrase(v) }] }),
  list: (v) => ({ header: ["List-Id", v] }), // RFC 2919
  has: (v, m) => things[v.toLowerCase()] ?? m.wrong("search.noThing", { value: v }),
  is: (v, m) => {
    if (v.toLowerCase() === "snoozed") {
      m.placed = true;
      return m.inRole("snoozed");
    }
    return states[v.toLowerCase()] ?? m.wrong("search.noState", { value: v });
  },
  in: (v, m) => m.mailbox(v),
  label: (v, m) => m.mailbox(v),
  before: (v, m) => m.date(v, (from) => ({ before: utc(from) })),
  after: (v, m) => m.date(v, (from) => ({ after: utc(from) })),
  on: (v, m) => m.date(v, (from, to) => ({ after: utc(from), before: utc(to) })),
  older_than: (v, m) => m.age(v, (at) => ({ before: utc(at) })),
  newer_than: (v, m) => m.age(v, (at) => ({ after: utc(at) })),
  larger: (v, m) => m.size(v, (minSize) => ({ minSize })),
  smaller: (v, m) => m.size(v, (maxSize) => ({ maxSize })),
};

const things: Readonly<Record<string, EmailCondition>> = {
  attachment: { hasAttachment: true },
  attachments: { hasAttachment: true },
  star: { hasKeyword: "$flagged" },
  list: { header: ["List-Id"] },
};

/** What is:… asks for. Keywords are those of RFC 8621 4.1.1, RFC 8457, and docs/jmap-snooze.md. */
const states: Readonly<Record<string, EmailCondition>> = {
  unread: { notKeyword: "$seen" },
  read: { hasKeyword: "$seen" },
  starred: { hasKeyword: "$flagged" },
  flagged: { hasKeyword: "$flagged" },
  important: { hasKeyword: "$important" },
  muted: { someInThreadHaveKeyword: "$muted" },
  answered: { hasKeyword: "$answered" },
  replied: { hasKeyword: "$answered" },
  forwarded: { hasKeyword: "$forwarded" },
  draft: { hasKeyword: "$draft" },
};

/** RFC 8621 4.4.1: in quotes a text is looked for as it is. */
function phrase(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

function all(conditions: readonly EmailFilter[]): EmailFilter {
  const of = conditions.flatMap((c) => ("operator" in c && c.operator === "AND" ? c.conditions : [c]));
  return of.length === 1 ? of[0]! : of.length ? { operator: "AND", conditions: of } : {};
}

const roles: Readonly<Record<string, Role>> = { spam: "junk", bin: "trash", draft: "drafts" };

/** The mailboxes that are called so: by role, by path, by name. A hyphen may stand for a blank, as in Gmail's labels. */
export function mailboxesNamed(value: string, mailboxes: readonly Mailbox[]): Id[] {
  const plain = (s: string) =>
    s
      .trim()
      .toLocaleLowerCase()
      .replace(/[\s-]+/g, " ");
  const wanted = plain(value);
  const byRole = mailboxes.filter((m) => m.role === (roles[wanted] ?? wanted));
  if (byRole.length) return byRole.map((m) => m.id);
  const byPath = mailboxes.filter((m) => plain(pathOf(m, mailboxes)) === wanted);
  return (byPath.length ? byPath : mailboxes.filter((m) => plain(m.name) === wanted)).slice(0, 20).map((m) => m.id);
}

/** The names of a mailbox and those above it. */
export function pathOf(mailbox: Mailbox, mailboxes: readonly Mailbox[]): string {
  const names = [mailbox.name];
  let above = mailbox.parentId;
  for (let depth = 0; above && depth < 50; depth++) {
    const m = mailboxes.find((other) => other.id === above);
    if (m) names.unshift(m.name);
    above = m?.parentId ?? null;
  }
  return names.join("/");
}
