// A small JMAP server for tests of the model: simple, and honest. It keeps every state it was ever in, so that /changes and
// /queryChanges are the plain difference of two states.

import type { Email, EmailFilter, Id, IdSet, Invocation, Mailbox, Role } from "../../jmap";
import { isUnread } from "../rows";

export type Args = Record<string, unknown>;
interface State {
  emails: ReadonlyMap<Id, Email>;
  mailboxes: ReadonlyMap<Id, Box>;
}
interface Box {
  id: Id;
  name: string;
  parentId: Id | null;
  role: Role | null;
}

const rights = {
  mayReadItems: true,
  mayAddItems: true,
  mayRemoveItems: true,
  maySetSeen: true,
  maySetKeywords: true,
  mayCreateChild: true,
  mayRename: true,
  mayDelete: true,
  maySubmit: true,
};

/** An answer that is an error. */
export class Refusal extends Error {
  constructor(readonly type: string) {
    super(type);
  }
}

export class FakeServer {
  readonly #history: State[] = [{ emails: new Map(), mailboxes: new Map() }];
  #last = 0;
  /** The oldest state that changes are told from. */
  oldest = 0;
  /** Emails that nothing may be done with. */
  readonly locked = new Set<Id>();
  /** Whether emails are too large to be had with their bodies, more than one at a time. */
  tooLarge = false;
  /** Objects that a get takes at most. */
  maxObjects = 500;
  /** Methods of types that this server does not know by itself. */
  readonly more = new Map<string, (args: Args) => Args>();
  /** How often each method was called. */
  readonly called = new Map<string, number>();

  constructor() {
    for (const role of ["inbox", "archive", "trash", "junk", "sent", "drafts"] as const) this.box(role, role);
  }

  // --- what tests do ---

  get now(): State {
    return this.#history.at(-1)!;
  }

  get state(): string {
    return String(this.#history.length - 1);
  }

  box(name: string, role: Role | null = null): Id {
    const id = `F${++this.#last}`;
    this.#change((_, boxes) => boxes.set(id, { id, name, parentId: null, role }));
    return id;
  }

  role(role: Role): Id {
    return [...this.now.mailboxes.values()].find((m) => m.role === role)!.id;
  }

  deliver(of: Partial<Email> = {}): Id {
    const email = this.#letter(of);
    this.#change((emails) => emails.set(email.id, email));
    return email.id;
  }

  #letter(of: Partial<Email>): Email {
    const id = `M${(++this.#last + 0x10000).toString(36)}`;
    return {
      threadId: `T${id.slice(1)}`,
      mailboxIds: { [this.role("inbox")]: true },
      keywords: {},
      from: [{ name: "Zoe", email: "zoe@example.net" }],
      to: [],
      cc: null,
      subject: `message ${id}`,
      preview: "",
      receivedAt: new Date(1.8e12 + this.#last * 1000).toISOString(),
      hasAttachment: false,
      size: 1000,
      ...of,
      id,
    };
  }

  /** Much mail, at once. */
  deliverMany(n: number): void {
    this.#change((emails) => {
      for (let i = 0; i < n; i++) {
        const email = this.#letter({});
        emails.set(email.id, email);
      }
    });
  }

  /** Another device changes an email; undefined: destroys it. */
  change(id: Id, to: ((e: Email) => Partial<Email>) | undefined): void {
    this.#change((emails) => {
      const e = emails.get(id);
      if (!e) return;
      if (to) emails.set(id, { ...e, ...to(e) });
      else emails.delete(id);
    });
  }

  /** What a query finds, in its order. */
  find(filter: EmailFilter | null, collapse: boolean, state = this.now): Id[] {
    const found = [...state.emails.values()].filter((e) => passes(e, filter));
    found.sort((a, b) => Date.parse(b.receivedAt!) - Date.parse(a.receivedAt!) || (a.id < b.id ? 1 : -1));
    const seen = new Set<Id>();
    return found.filter((e) => !collapse || (!seen.has(e.threadId!) && seen.add(e.threadId!))).map((e) => e.id);
  }

  mailboxes(state = this.now): Mailbox[] {
    return [...state.mailboxes.values()].map((m) => ({
      ...m,
      ...counts(m, state),
      sortOrder: 0,
      myRights: rights,
      isSubscribed: true,
    }));
  }

  // --- what clients do ---

  run(calls: readonly Invocation[]): Invocation[] {
    const out: Invocation[] = [];
    for (const [name, args, id] of calls) {
      this.called.set(name, (this.called.get(name) ?? 0) + 1);
      try {
        if (this.tooLarge && args.fetchTextBodyValues && args["#ids"]) throw new Refusal("requestTooLarge");
        out.push([name, this.#call(name, resolve(args, out)), id]);
      } catch (e) {
        if (!(e instanceof Refusal)) throw e;
        out.push(["error", { type: e.type }, id]);
      }
    }
    return out;
  }

  #call(name: string, args: Args): Args {
    switch (name) {
      case "Mailbox/get":
        return this.#get(args, new Map(this.mailboxes().map((m) => [m.id, m])));
      case "Email/get":
        return this.#get(args, this.now.emails);
      case "Thread/get":
        return this.#get(args, threadsOf(this.now));
      case "Identity/get":
        return this.#get(args, new Map());
      case "Mailbox/changes":
        return {
          ...this.#changes(args, (s) => new Map(this.mailboxes(s).map((m) => [m.id, m]))),
          updatedProperties: null,
        };
      case "Email/changes":
        return this.#changes(args, (s) => s.emails);
      case "Thread/changes":
        return this.#changes(args, threadsOf);
      case "Email/query":
        return this.#query(args);
      case "Email/queryChanges":
        return this.#queryChanges(args);
      case "Email/set":
        return this.#set(args);
    }
    const more = this.more.get(name);
    if (more) return more(args);
    throw new Refusal("unknownMethod");
  }

  #get(args: Args, all: ReadonlyMap<Id, object>): Args {
    const ids = [...new Set((args.ids as Id[] | null) ?? all.keys())];
    if (ids.length > this.maxObjects) throw new Refusal("requestTooLarge");
    const properties = args.properties as string[] | null | undefined;
    const pick = (o: object) =>
      properties ? Object.fromEntries(Object.entries(o).filter(([k]) => k === "id" || properties.includes(k))) : o;
    return {
      state: this.state,
      list: ids.filter((id) => all.has(id)).map((id) => pick(all.get(id)!)),
      notFound: ids.filter((id) => !all.has(id)),
    };
  }

  #changes(args: Args, of: (s: State) => ReadonlyMap<Id, object>): Args {
    const since = this.#past(args.sinceState);
    // As the real one does, it may tell a part of the way.
    const most = (args.maxChanges as number | undefined) ?? 1e9;
    let until = this.#history.length - 1;
    let told = difference(of(this.#history[since]!), of(this.#history[until]!));
    while (told.created.length + told.updated.length + told.destroyed.length > most && until > since + 1) {
      until--;
      told = difference(of(this.#history[since]!), of(this.#history[until]!));
    }
    return {
      ...told,
      oldState: String(since),
      newState: String(until),
      hasMoreChanges: until < this.#history.length - 1,
    };
  }

  #past(state: unknown): number {
    const n = Number(state);
    if (!(n >= this.oldest && n < this.#history.length)) throw new Refusal("cannotCalculateChanges");
    return n;
  }

  #query(args: Args): Args {
    const all = this.find(args.filter as EmailFilter | null, !!args.collapseThreads);
    let position = Number(args.position ?? 0);
    if (args.anchor) {
      const at = all.indexOf(args.anchor as Id);
      if (at < 0) throw new Refusal("anchorNotFound");
      position = Math.max(0, at + Number(args.anchorOffset ?? 0));
    }
    const ids = all.slice(position, position + Number(args.limit ?? 10_000));
    return { queryState: this.state, canCalculateChanges: true, position, ids, total: all.length };
  }

  #queryChanges(args: Args): Args {
    const since = this.#past(args.sinceQueryState);
    const find = (s: State) => this.find(args.filter as EmailFilter | null, !!args.collapseThreads, s);
    const now = find(this.now);
    const before = this.#history[since]!.emails;
    // What was touched is told, with all of its thread, wherever it lies.
    const touched = new Set<Id>();
    for (const [id, e] of [...before, ...this.now.emails]) {
      if (before.get(id) !== this.now.emails.get(id)) touched.add(e.threadId!);
    }
    const all = new Map([...before, ...this.now.emails]);
    const affected = new Set([...all.values()].filter((e) => touched.has(e.threadId!)).map((e) => e.id));
    return {
      oldQueryState: String(since),
      newQueryState: this.state,
      total: now.length,
      removed: [...affected].filter((id) => before.has(id)),
      added: now.flatMap((id, index) => (affected.has(id) ? [{ id, index }] : [])),
    };
  }

  #set(args: Args): Args {
    const notUpdated: Args = {};
    const notDestroyed: Args = {};
    const updated: Args = {};
    const destroyed: Id[] = [];
    this.#change((emails) => {
      for (const [id, patch] of Object.entries((args.update as Record<Id, Args>) ?? {})) {
        const why = this.#update(emails, id, patch);
        if (why) notUpdated[id] = { type: why };
        else updated[id] = null;
      }
      for (const id of (args.destroy as Id[]) ?? []) {
        if (this.locked.has(id)) notDestroyed[id] = { type: "forbidden" };
        else if (!emails.delete(id)) notDestroyed[id] = { type: "notFound" };
        else destroyed.push(id);
      }
    });
    return { oldState: null, newState: this.state, updated, destroyed, notUpdated, notDestroyed };
  }

  #update(emails: Map<Id, Email>, id: Id, patch: Args): string | undefined {
    const e = emails.get(id);
    if (!e) return "notFound";
    if (this.locked.has(id)) return "forbidden";
    const sets: Record<string, Record<string, true>> = { mailboxIds: { ...e.mailboxIds }, keywords: { ...e.keywords } };
    for (const [path, value] of Object.entries(patch)) {
      const [name, ...rest] = path.split("/");
      const key = rest.join("/").replaceAll("~1", "/").replaceAll("~0", "~");
      if (value === null) delete sets[name!]![key];
      else sets[name!]![key] = true;
    }
    if (Object.keys(sets.mailboxIds!).length === 0) return "invalidProperties";
    if (Object.keys(sets.mailboxIds!).some((m) => !this.now.mailboxes.has(m))) return "invalidProperties";
    if (!same(sets.mailboxIds!, e.mailboxIds!) || !same(sets.keywords!, e.keywords!))
      emails.set(id, { ...e, mailboxIds: sets.mailboxIds!, keywords: sets.keywords! } as Email);
    return undefined;
  }

  #change(f: (emails: Map<Id, Email>, boxes: Map<Id, Box>) => void): void {
    const emails = new Map(this.now.emails);
    const mailboxes = new Map(this.now.mailboxes);
    f(emails, mailboxes);
    this.#history.push({ emails, mailboxes });
  }
}

const same = (a: IdSet, b: IdSet) => Object.keys(a).sort().join() === Object.keys(b).sort().join();

function difference(before: ReadonlyMap<Id, object>, now: ReadonlyMap<Id, object>) {
  const differ = (a: object, b: object) => a !== b && JSON.stringify(a) !== JSON.stringify(b);
  return {
    created: [...now.keys()].filter((id) => !before.has(id)),
    updated: [...now.keys()].filter((id) => before.has(id) && differ(before.get(id)!, now.get(id)!)),
    destroyed: [...before.keys()].filter((id) => !now.has(id)),
  };
}

function threadsOf(s: State): Map<Id, { id: Id; emailIds: Id[] }> {
  const out = new Map<Id, { id: Id; emailIds: Id[] }>();
  const byAge = [...s.emails.values()].sort((a, b) => Date.parse(a.receivedAt!) - Date.parse(b.receivedAt!));
  for (const e of byAge) {
    const t = out.get(e.threadId!) ?? { id: e.threadId!, emailIds: [] };
    t.emailIds.push(e.id);
    out.set(t.id, t);
  }
  return out;
}

/** RFC 8621 2: the counts of a mailbox. */
function counts(m: Box, s: State) {
  const here = [...s.emails.values()].filter((e) => m.id in e.mailboxIds!);
  const trash = [...s.mailboxes.values()].find((b) => b.role === "trash")?.id ?? "";
  const counted = (e: Email) =>
    m.id === trash ? trash in e.mailboxIds! : Object.keys(e.mailboxIds!).some((id) => id !== trash);
  const threads = new Set(here.map((e) => e.threadId!));
  const unread = new Set([...s.emails.values()].filter((e) => isUnread(e) && counted(e)).map((e) => e.threadId!));
  return {
    totalEmails: here.length,
    unreadEmails: here.filter(isUnread).length,
    totalThreads: threads.size,
    unreadThreads: [...threads].filter((t) => unread.has(t)).length,
  };
}

function passes(e: Email, filter: EmailFilter | null): boolean {
  if (!filter) return true;
  if ("operator" in filter) {
    const all = filter.conditions.map((c) => passes(e, c));
    return filter.operator === "AND"
      ? all.every(Boolean)
      : filter.operator === "OR"
        ? all.some(Boolean)
        : !all.some(Boolean);
  }
  return Object.entries(filter).every(([name, value]) => {
    if (name === "inMailbox") return (value as Id) in e.mailboxIds!;
    if (name === "hasKeyword") return (value as string) in e.keywords!;
    if (name === "notKeyword") return !((value as string) in e.keywords!);
    throw new Refusal("unsupportedFilter");
  });
}

/** Fills in results of earlier calls (RFC 8620 3.7). */
function resolve(args: Args, done: readonly Invocation[]): Args {
  const out: Args = {};
  for (const [key, value] of Object.entries(args)) {
    if (!key.startsWith("#")) {
      out[key] = value;
      continue;
    }
    const { resultOf, name, path } = value as { resultOf: string; name: string; path: string };
    const found = done.find(([n, , id]) => id === resultOf && n === name);
    if (!found) throw new Refusal("invalidResultReference");
    let at: unknown[] = [found[1]];
    for (const part of path.split("/").slice(1)) {
      at = at.flatMap((x) => (part === "*" ? (x as unknown[]) : [(x as Args)[part]]));
    }
    const isList = path.includes("*");
    out[key.slice(1)] = isList ? at.flat() : at[0];
  }
  return out;
}
