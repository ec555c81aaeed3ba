// What one does with mailboxes. The server is asked first: these are seldom, and what it answers is what there is to be shown.

import { t } from "../i18n";
import type { QueryResponse, Role, SetResponse } from "../jmap";
import { type Connection, type Email, type GetResponse, type Id, type Mailbox, ObjectError } from "../jmap";
import type { EmailActions } from "./actions";
import type { Mailboxes } from "./mailboxes";
import type { Actions } from "./types";

/** What a mailbox is called that is made when it is first needed. */
const names: Partial<Record<Role, string>> = {
  archive: "Archive",
  trash: "Trash",
  junk: "Junk",
  drafts: "Drafts",
  sent: "Sent",
};

export class MailboxActions {
  constructor(
    private readonly connection: Connection,
    private readonly mailboxes: Mailboxes,
    private readonly catchUp: () => Promise<void>,
  ) {}

  createMailbox(name: string, parentId: Id | null = null): Promise<Id> {
    return this.#create({ name, parentId, isSubscribed: true });
  }

  makeRole(role: Role): Promise<Id> {
    return this.#create({ name: names[role] ?? t("model.newMailbox"), parentId: null, role, isSubscribed: true });
  }

  async #create(object: Partial<Mailbox>): Promise<Id> {
    const answer = await this.#set({ create: { new: object } });
    const refused = answer.notCreated?.new;
    if (refused) throw new ObjectError(refused);
    await this.catchUp();
    return answer.created!.new!.id as Id;
  }

  renameMailbox(id: Id, name: string): Promise<void> {
    return this.#update(id, { name });
  }

  moveMailbox(id: Id, parentId: Id | null): Promise<void> {
    return this.#update(id, { parentId });
  }

  /** Shown at once; the next answer of the server is the truth again, whichever it is. */
  async #update(id: Id, change: Partial<Mailbox>): Promise<void> {
    const before = this.mailboxes.base(id);
    if (before) this.mailboxes.put({ ...before, ...change });
    try {
      const answer = await this.#set({ update: { [id]: change } });
      const refused = answer.notUpdated?.[id];
      if (refused) throw new ObjectError(refused);
    } catch (e) {
      const now = this.mailboxes.base(id);
      if (before && now) this.mailboxes.put({ ...now, name: before.name, parentId: before.parentId });
      throw e;
    }
    await this.catchUp();
  }

  async destroyMailbox(id: Id): Promise<void> {
    const answer = await this.#set({ destroy: [id], onDestroyRemoveEmails: true });
    const refused = answer.notDestroyed?.[id];
    if (refused && refused.type !== "notFound") throw new ObjectError(refused);
    await this.catchUp();
  }

  async emptyMailbox(id: Id, onProgress?: (fraction: number) => void): Promise<number> {
    let done = 0;
    for (;;) {
      const { page, emails } = await this.connection.batch((b) => {
        const limit = this.connection.limits.maxObjectsInSet;
        const page = b.call<QueryResponse>("Email/query", { filter: { inMailbox: id }, limit, calculateTotal: true });
        const emails = b.call<GetResponse<Email>>("Email/get", {
          "#ids": page.ref("/ids"),
          properties: ["mailboxIds"],
        });
        return { page, emails };
      });
      const list = emails.result.list;
      if (list.length === 0) break;
      const alone = (e: Email) => Object.keys(e.mailboxIds ?? {}).length === 1;
      const answer = await this.connection.call<SetResponse>("Email/set", {
        destroy: list.filter(alone).map((e) => e.id),
        update: Object.fromEntries(list.filter((e) => !alone(e)).map((e) => [e.id, { [`mailboxIds/${id}`]: null }])),
      });
      const refused = Object.values({ ...answer.notDestroyed, ...answer.notUpdated }).filter(
        (r) => r.type !== "notFound",
      );
      done += list.length - refused.length;
      onProgress?.(done / Math.max(done, page.result.total! - list.length + done));
      if (refused.length > 0) throw new ObjectError(refused[0]!);
    }
    await this.catchUp();
    return done;
  }

  #set(args: object): Promise<SetResponse> {
    return this.connection.call<SetResponse>("Mailbox/set", args);
  }
}

/** All actions as one object. */
export function actionsOf(mails: EmailActions, boxes: MailboxActions, quietly: () => Actions): Actions {
  let quiet: Actions | undefined;
  return {
    archive: (ids) => mails.archive(ids),
    trash: (ids) => mails.trash(ids),
    destroy: (ids) => mails.destroy(ids),
    junk: (ids) => mails.junk(ids),
    notJunk: (ids) => mails.notJunk(ids),
    move: (ids, mailboxId, from) => mails.move(ids, mailboxId, from),
    addTo: (ids, mailboxId) => mails.addTo(ids, mailboxId),
    removeFrom: (ids, mailboxId) => mails.removeFrom(ids, mailboxId),
    keyword: (ids, keyword, on) => mails.keyword(ids, keyword, on),
    read: (ids) => mails.read(ids),
    unread: (ids) => mails.unread(ids),
    star: (ids) => mails.star(ids),
    unstar: (ids) => mails.unstar(ids),
    important: (ids, on) => mails.important(ids, on),
    snooze: (ids, until) => mails.snooze(ids, until),
    wake: (ids) => mails.wake(ids),
    muteThread: (threadId) => mails.muteThread(threadId),
    unmuteThread: (threadId) => mails.unmuteThread(threadId),
    get quietly() {
      quiet ??= quietly();
      return quiet;
    },
    createMailbox: (name, parentId) => boxes.createMailbox(name, parentId),
    renameMailbox: (id, name) => boxes.renameMailbox(id, name),
    moveMailbox: (id, parentId) => boxes.moveMailbox(id, parentId),
    destroyMailbox: (id) => boxes.destroyMailbox(id),
    emptyMailbox: (id, onProgress) => boxes.emptyMailbox(id, onProgress),
  };
}
