// What one does with mail: seen at once, told by a toast, and taken back by its undo.

import type { Key } from "../i18n";
import { t } from "../i18n";
import { dateTime } from "../i18n/format";
import type { Email, Id, Role } from "../jmap";
import type { Emails } from "./emails";
import type { Fetcher } from "./fetcher";
import { type EmailPatch, inverseOf, isEmpty, needed } from "./patch";
import { changing } from "./properties";
import type { Entry, Queue, Step } from "./queue";
import { say, troubleOf } from "./trouble";
import type { Undo } from "./types";

/** Tells a person something: ui's toast. */
export type Tell = (toast: { text: string; undo?: () => void; kind?: "plain" | "error" }) => void;

export interface ActionContext {
  readonly emails: Emails;
  readonly fetcher: Fetcher;
  readonly queue: Queue;
  mailbox(role: Role): Id | undefined;
  mailboxName(id: Id): string;
  /** Makes the mailbox of a role where there is none. */
  makeMailbox(role: Role): Promise<Id>;
  readonly tell: Tell;
}

interface Doing {
  /** What becomes of an email; undefined: nothing. */
  patch(email: Email): EmailPatch | undefined;
  step(patches: Map<Id, EmailPatch>): Step;
  /** How it is taken back, where that is not by the inverse patches. null: it cannot be. */
  back?: ((patches: Map<Id, EmailPatch>) => Step) | null;
  text?: Key;
  holes?: Record<string, string>;
}

const update = (patches: Map<Id, EmailPatch>): Step => ({ kind: "update", patches });

export class EmailActions {
  constructor(private readonly c: ActionContext) {}

  archive(ids: readonly Id[]): Undo {
    return this.#moveTo(ids, "archive", "model.archived", (to) => (email) => {
      const leaves = (["inbox", "junk", "trash", "snoozed"] as const).flatMap((r) => this.c.mailbox(r) ?? []);
      const out = leaves.filter((id) => email.mailboxIds && id in email.mailboxIds);
      return out.length > 0 ? { mailboxes: { ...off(out), [to]: true } } : undefined;
    });
  }

  trash(ids: readonly Id[]): Undo {
    return this.#moveTo(ids, "trash", "model.trashed", only);
  }

  destroy(ids: readonly Id[]): Undo {
    const step = (patches: Map<Id, EmailPatch>): Step => ({ kind: "destroy", patches });
    return this.#do(ids, { patch: () => ({ destroyed: true }), step, back: null, text: "model.destroyed" });
  }

  junk(ids: readonly Id[]): Undo {
    return this.#moveTo(ids, "junk", "model.junked", (to) => (email) => ({
      ...only(to)(email),
      keywords: { $junk: true, $notjunk: false },
    }));
  }

  notJunk(ids: readonly Id[]): Undo {
    return this.#moveTo(ids, "inbox", "model.notJunked", (to) => (email) => ({
      ...only(to)(email),
      keywords: { $junk: false, $notjunk: true },
    }));
  }

  move(ids: readonly Id[], mailboxId: Id, from?: Id): Undo {
    const patch = (email: Email) => {
      if (!from) return only(mailboxId)(email);
      return from === mailboxId ? undefined : { mailboxes: { [from]: false, [mailboxId]: true } };
    };
    return this.#do(ids, {
      patch,
      step: update,
      text: "model.moved",
      holes: { mailbox: this.c.mailboxName(mailboxId) },
    });
  }

  addTo(ids: readonly Id[], mailboxId: Id): Undo {
    const holes = { mailbox: this.c.mailboxName(mailboxId) };
    return this.#do(ids, {
      patch: () => ({ mailboxes: { [mailboxId]: true } }),
      step: update,
      text: "model.added",
      holes,
    });
  }

  /** An email is in one mailbox at least (RFC 8621 4.1.1): what would be in none is archived. */
  removeFrom(ids: readonly Id[], mailboxId: Id): Undo {
    const holes = { mailbox: this.c.mailboxName(mailboxId) };
    return this.#moveTo(
      ids,
      "archive",
      "model.removed",
      (archive) => (email) => {
        const rest = Object.keys(email.mailboxIds ?? {}).filter((id) => id !== mailboxId);
        return { mailboxes: { [mailboxId]: false, ...(rest.length === 0 && { [archive]: true }) } };
      },
      holes,
    );
  }

  keyword(ids: readonly Id[], keyword: string, on: boolean, text?: Key): Undo {
    // RFC 8621 4.1.1: keywords are told in lower case.
    const name = keyword.toLowerCase();
    return this.#do(ids, { patch: () => ({ keywords: { [name]: on } }), step: update, ...(text && { text }) });
  }

  read(ids: readonly Id[]): Undo {
    return this.keyword(ids, "$seen", true, "model.read");
  }

  unread(ids: readonly Id[]): Undo {
    return this.keyword(ids, "$seen", false, "model.unread");
  }

  star(ids: readonly Id[]): Undo {
    return this.keyword(ids, "$flagged", true);
  }

  unstar(ids: readonly Id[]): Undo {
    return this.keyword(ids, "$flagged", false);
  }

  important(ids: readonly Id[], on: boolean): Undo {
    return this.keyword(ids, "$important", on, on ? "model.important" : "model.unimportant");
  }

  snooze(ids: readonly Id[], until: Date): Undo {
    // Where there is no such mailbox yet, the server makes it: until then the emails are out of sight in this name.
    const to = this.c.mailbox("snoozed") ?? "snoozed";
    return this.#do(ids, {
      patch: only(to),
      step: (patches) => ({ kind: "snooze", until, patches }),
      back: (patches) => ({ kind: "wake", patches }),
      text: "model.snoozed",
      holes: { until: dateTime(until) },
    });
  }

  /** Where it comes back to is the server's to say: most of it came from the inbox. */
  wake(ids: readonly Id[]): Undo {
    const step = (patches: Map<Id, EmailPatch>): Step => ({ kind: "wake", patches });
    return this.#do(ids, { patch: only(this.c.mailbox("inbox")!), step, back: null, text: "model.woken" });
  }

  muteThread(threadId: Id): Undo {
    return this.keyword(this.c.emails.thread(threadId) ?? [], "$muted", true, "model.muted");
  }

  unmuteThread(threadId: Id): Undo {
    return this.keyword(this.c.emails.thread(threadId) ?? [], "$muted", false, "model.unmuted");
  }

  #moveTo(
    ids: readonly Id[],
    role: Role,
    text: Key,
    patch: (to: Id) => Doing["patch"],
    holes: Record<string, string> = {},
  ): Undo {
    const doing = (to: Id): Doing => ({ step: update, patch: patch(to), text, holes });
    const to = this.c.mailbox(role);
    if (to) return this.#do(ids, doing(to));
    return this.#later(async () => {
      const made = await this.c.makeMailbox(role);
      return this.#do(ids, doing(made));
    });
  }

  #do(ids: readonly Id[], doing: Doing): Undo {
    const unknown = ids.filter((id) => !this.c.emails.has(id) && !this.c.emails.isGone(id));
    if (unknown.length === 0) return this.#now(ids, doing);
    // To take it back exactly, what was so before must be known.
    return this.#later(async () => {
      await this.c.fetcher.summaries(unknown, changing);
      return this.#now(ids, doing);
    });
  }

  #now(ids: readonly Id[], doing: Doing): Undo {
    const patches = new Map<Id, EmailPatch>();
    const inverse = new Map<Id, EmailPatch>();
    const threads = new Set<Id>();
    for (const id of new Set(ids)) {
      const email = this.c.emails.view(id);
      const wanted = email && doing.patch(email);
      const patch = wanted && needed(email, wanted);
      if (!patch || isEmpty(patch)) continue;
      patches.set(id, patch);
      if (!patch.destroyed) inverse.set(id, inverseOf(email, patch));
      threads.add(email.threadId ?? id);
    }
    const entry = this.c.queue.push(doing.step(patches));
    const undo = this.#undoOf(entry, doing, inverse);
    if (doing.text && patches.size > 0) {
      const text = t(doing.text, { n: threads.size, ...doing.holes });
      this.c.tell(doing.back === null ? { text } : { text, undo });
    }
    return { undo, done: entry.done };
  }

  #undoOf(entry: Entry, doing: Doing, inverse: Map<Id, EmailPatch>): () => void {
    let undone = false;
    return () => {
      if (undone) return;
      undone = true;
      if (this.c.queue.cancel(entry) || doing.back === null) return;
      // What was refused is as it was.
      for (const id of inverse.keys()) if (!entry.patches.has(id)) inverse.delete(id);
      this.c.queue.push((doing.back ?? update)(inverse));
    };
  }

  /** An action that has to wait for something before it begins. */
  #later(begin: () => Promise<Undo>): Undo {
    let undone = false;
    let begun: Undo | undefined;
    const started = begin();
    const done = started.then(
      (u) => {
        begun = u;
        if (undone) u.undo();
        return u.done;
      },
      (e) => {
        const trouble = troubleOf(e);
        this.c.tell({ text: t("model.undone", { why: say(trouble) }), kind: "error" });
        throw trouble;
      },
    );
    done.catch(() => {});
    return {
      done,
      undo: () => {
        undone = true;
        begun?.undo();
      },
    };
  }
}

const off = (ids: readonly Id[]): Record<Id, boolean> => Object.fromEntries(ids.map((id) => [id, false]));
/** In one mailbox and no other. */
const only =
  (to: Id) =>
  (email: Email): EmailPatch => ({
    mailboxes: { ...off(Object.keys(email.mailboxIds ?? {})), [to]: true },
  });
