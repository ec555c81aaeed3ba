// The people that the account knows.

import { computed, type ReadonlySignal } from "@preact/signals";
import type { Connection, Contact, GetResponse, QueryResponse } from "../jmap";
import { LiveCollection } from "./collection";
import type { Contacts } from "./types";

export class LiveContacts extends LiveCollection<Contact> implements Contacts {
  readonly known: ReadonlySignal<ReadonlySet<string>>;
  readonly blocked: ReadonlySignal<ReadonlySet<string>>;
  readonly #byEmail: ReadonlySignal<ReadonlyMap<string, Contact>>;

  constructor(connection: Connection, absent: () => boolean) {
    super(connection, "Contact", { absent });
    const addresses = (of: (c: Contact) => boolean) =>
      computed(() => new Set((this.items.value ?? []).filter(of).map((c) => c.email.toLowerCase())));
    this.known = addresses((c) => c.isKnown);
    this.blocked = addresses((c) => c.isBlocked);
    this.#byEmail = computed(() => new Map((this.items.value ?? []).map((c) => [c.email.toLowerCase(), c])));
  }

  byEmail(email: string): Contact | undefined {
    return this.#byEmail.value.get(email.toLowerCase());
  }

  /** By the server, which knows whom one writes to often; without it, from what is loaded. */
  async complete(text: string, limit = 10): Promise<readonly Contact[]> {
    const wanted = text.trim();
    if (!wanted) return [];
    try {
      const { found } = await this.connection.batch((b) => {
        const filter = { text: wanted.slice(0, 100), isBlocked: false };
        const query = b.call<QueryResponse>("Contact/query", { filter, limit });
        return { query, found: b.call<GetResponse<Contact>>("Contact/get", { "#ids": query.ref("/ids") }) };
      });
      return found.result.list;
    } catch {
      return this.#completeHere(wanted, limit);
    }
  }

  #completeHere(text: string, limit: number): readonly Contact[] {
    const words = fold(text).split(/\s+/);
    const begins = (c: Contact) => {
      const parts = fold(`${c.name} ${c.email}`).split(/[\s@.\-_+]+/);
      return words.every((w) => parts.some((p) => p.startsWith(w)) || fold(c.email).startsWith(w));
    };
    const found = (this.items.peek() ?? []).filter((c) => !c.isBlocked && begins(c));
    return found.sort((a, b) => b.daysWritten - a.daysWritten).slice(0, limit);
  }
}

/** Without case and accents. */
function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase();
}
