// The mailboxes: as the server said, counted with what was done and is not confirmed yet, in the order that they are shown.

import { type ReadonlySignal, signal } from "@preact/signals";
import type { Email, GetResponse, Id, Mailbox, Role } from "../jmap";
import { type Batch, type Call, type ChangesResponse, MethodError } from "../jmap";
import type { Emails } from "./emails";
import { isUnread } from "./rows";

/** The order of those that have a role; others come behind. */
const roles: readonly (Role | null)[] = [
  "inbox",
  "important",
  "flagged",
  "snoozed",
  "drafts",
  "scheduled",
  "sent",
  "all",
  "archive",
  "junk",
  "trash",
];

interface Counts {
  totalEmails: number;
  unreadEmails: number;
  totalThreads: number;
  unreadThreads: number;
}

export class Mailboxes {
  readonly list: ReadonlySignal<readonly Mailbox[]>;
  readonly ready: ReadonlySignal<boolean>;
  readonly #list = signal<readonly Mailbox[]>([]);
  readonly #ready = signal(false);
  readonly #base = new Map<Id, Mailbox>();
  #state: string | undefined;
  #counted = false; // whether what is seen differs from base

  constructor(private readonly emails: Emails) {
    this.list = this.#list;
    this.ready = this.#ready;
    emails.onTouched(() => {
      const patched = !emails.patched()[Symbol.iterator]().next().done;
      if (patched || this.#counted) this.#publish();
    });
  }

  byRole(role: Role): Mailbox | undefined {
    return this.#list.value.find((m) => m.role === role);
  }

  byId(id: Id): Mailbox | undefined {
    return this.#list.value.find((m) => m.id === id);
  }

  /** Adds the call for all of them; what is returned takes the answer. */
  load(b: Batch): () => void {
    const call = b.call<GetResponse<Mailbox>>("Mailbox/get", { ids: null });
    return () => {
      const got = call.result;
      this.#base.clear();
      for (const m of got.list) this.#base.set(m.id, m);
      this.#state = got.state;
      this.#ready.value = true;
      this.#publish();
    };
  }

  get state(): string | undefined {
    return this.#state;
  }

  /** Adds what brings them up to date; what is returned takes the answer, and says whether there is more. */
  bringUpToDate(b: Batch): () => boolean {
    if (this.#state === undefined) {
      const take = this.load(b);
      return () => {
        take();
        return false;
      };
    }
    const changes = b.call<ChangesResponse>("Mailbox/changes", { sinceState: this.#state });
    const created = b.call<GetResponse<Mailbox>>("Mailbox/get", { "#ids": changes.ref("/created") });
    const updated = b.call<GetResponse<Mailbox>>("Mailbox/get", {
      "#ids": changes.ref("/updated"),
      // RFC 8621 2.2: mostly only the counts have changed.
      "#properties": changes.ref("/updatedProperties"),
    });
    return () => this.#take(changes, created, updated);
  }

  #take(
    changes: Call<ChangesResponse>,
    created: Call<GetResponse<Mailbox>>,
    updated: Call<GetResponse<Mailbox>>,
  ): boolean {
    if (changes.failure instanceof MethodError) {
      this.#state = undefined; // whatever it is: all are asked for anew
      return true;
    }
    const { newState, hasMoreChanges, destroyed } = changes.result;
    for (const m of created.result.list) this.#base.set(m.id, m);
    for (const m of updated.result.list) {
      const known = this.#base.get(m.id);
      this.#base.set(m.id, { ...known, ...m });
    }
    for (const id of destroyed) this.#base.delete(id);
    this.#state = newState;
    this.#publish();
    return hasMoreChanges;
  }

  /** Shows what was changed before the server has told of it. */
  put(m: Mailbox): void {
    this.#base.set(m.id, m);
    this.#publish();
  }

  drop(id: Id): void {
    this.#base.delete(id);
    this.#publish();
  }

  base(id: Id): Mailbox | undefined {
    return this.#base.get(id);
  }

  #publish(): void {
    const differ = this.#differences();
    this.#counted = differ.size > 0;
    const seen = [...this.#base.values()].map((m) => {
      const d = differ.get(m.id);
      if (!d) return m;
      return {
        ...m,
        totalEmails: Math.max(0, m.totalEmails + d.totalEmails),
        unreadEmails: Math.max(0, m.unreadEmails + d.unreadEmails),
        totalThreads: Math.max(0, m.totalThreads + d.totalThreads),
        unreadThreads: Math.max(0, m.unreadThreads + d.unreadThreads),
      };
    });
    this.#list.value = sorted(seen);
  }

  /** How the counts are to be changed by what is not confirmed. */
  #differences(): Map<Id, Counts> {
    const out = new Map<Id, Counts>();
    const add = (id: Id, name: keyof Counts, by: number) => {
      const counts = out.get(id) ?? { totalEmails: 0, unreadEmails: 0, totalThreads: 0, unreadThreads: 0 };
      counts[name] += by;
      out.set(id, counts);
    };
    const threads = new Set<Id>();
    for (const id of new Set(this.emails.patched())) {
      const base = this.emails.base(id);
      const view = this.emails.view(id);
      if (!base || base === view) continue;
      threads.add(base.threadId ?? id);
      for (const [email, by] of [[base, -1] as const, [view, 1] as const]) countEmail(email, by, add);
    }
    const trash = [...this.#base.values()].find((m) => m.role === "trash")?.id;
    for (const id of threads) {
      const members = this.emails.thread(id) ?? [id];
      countThread(
        members.flatMap((e) => this.emails.base(e) ?? []),
        trash,
        -1,
        add,
      );
      countThread(
        members.flatMap((e) => this.emails.view(e) ?? []),
        trash,
        1,
        add,
      );
    }
    return out;
  }
}

type Add = (id: Id, name: keyof Counts, by: number) => void;

function countEmail(email: Email | undefined, by: number, add: Add): void {
  for (const id of Object.keys(email?.mailboxIds ?? {})) {
    add(id, "totalEmails", by);
    if (isUnread(email!)) add(id, "unreadEmails", by);
  }
}

/** RFC 8621 2: a thread is unread in all of its mailboxes if an email of it is; but what lies in the trash counts there only. */
function countThread(emails: readonly Email[], trash: Id | undefined, by: number, add: Add): void {
  const places = new Set(emails.flatMap((e) => Object.keys(e.mailboxIds ?? {})));
  const inTrash = (e: Email) => trash !== undefined && e.mailboxIds !== undefined && trash in e.mailboxIds;
  const onlyInTrash = (e: Email) => inTrash(e) && Object.keys(e.mailboxIds!).length === 1;
  for (const id of places) {
    add(id, "totalThreads", by);
    const counts = emails.filter((e) => (id === trash ? inTrash(e) : !onlyInTrash(e)));
    if (counts.some(isUnread)) add(id, "unreadThreads", by);
  }
}

/** By role, then sortOrder, then name (RFC 8621 2); each before those below it. */
function sorted(all: readonly Mailbox[]): Mailbox[] {
  const rank = (m: Mailbox) => (m.role && roles.includes(m.role) ? roles.indexOf(m.role) : roles.length);
  const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const compare = (a: Mailbox, b: Mailbox) =>
    rank(a) - rank(b) || a.sortOrder - b.sortOrder || names.compare(a.name, b.name);
  const known = new Set(all.map((m) => m.id));
  const below = new Map<Id | null, Mailbox[]>();
  for (const m of all) {
    const parent = m.parentId && known.has(m.parentId) ? m.parentId : null;
    below.set(parent, [...(below.get(parent) ?? []), m]);
  }
  const out: Mailbox[] = [];
  const walk = (parent: Id | null) => {
    for (const m of (below.get(parent) ?? []).sort(compare)) {
      out.push(m);
      walk(m.id);
    }
  };
  walk(null);
  return out;
}
