// When snoozed emails come back (docs/jmap-snooze.md).

import { computed, type ReadonlySignal } from "@preact/signals";
import type { Id, Snooze } from "../jmap";
import type { LiveCollection } from "./collection";
import type { Emails } from "./emails";
import type { Snoozes } from "./types";

export class LiveSnoozes implements Snoozes {
  readonly #byEmail: ReadonlySignal<ReadonlyMap<Id, Snooze>>;

  /** Snoozes have no state of their own: they are asked for anew when something moves in their mailbox. */
  constructor(all: LiveCollection<Snooze>, emails: Emails, mailbox: () => Id | undefined) {
    this.#byEmail = computed(() => new Map((all.items.value ?? []).map((s) => [s.emailId, s])));
    emails.onTouched((touched) => {
      const place = mailbox();
      if (!place) return;
      const isThere = (id: Id) => place in (emails.base(id)?.mailboxIds ?? {});
      if ([...touched.emails].some((id) => isThere(id) !== all.items.peek()?.some((s) => s.emailId === id)))
        all.refresh();
    });
  }

  of(emailId: Id): ReadonlySignal<Snooze | undefined> {
    return computed(() => this.#byEmail.value.get(emailId));
  }
}
