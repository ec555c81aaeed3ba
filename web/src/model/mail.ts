// The whole of the model: what an account's mail is made of, put together.

import { computed } from "@preact/signals";
import { t } from "../i18n";
import {
  Connection,
  capability,
  type EmailFilter,
  type Id,
  type Identity,
  type LiveSettings,
  type Mailbox,
  type NotificationRules,
  type Quota,
  type Role,
  type SearchSnippet,
  SignedOutError,
  type Snooze,
  type VacationResponse,
} from "../jmap";
import { toast } from "../ui";
import { EmailActions, type Tell } from "./actions";
import { LiveCollection, LiveSingleton } from "./collection";
import { LiveContacts } from "./contacts";
import { Conversations } from "./conversation";
import { Emails } from "./emails";
import { chunks, Fetcher } from "./fetcher";
import { LiveList } from "./list";
import { actionsOf, MailboxActions } from "./mailboxactions";
import { Mailboxes } from "./mailboxes";
import { Queue } from "./queue";
import { LiveSnoozes } from "./snoozes";
import { LiveSubmissions } from "./submissions";
import { Sync } from "./sync";
import { say } from "./trouble";
import type { Actions, Collection, Conversation, ListSpec, Mail, MailList, Singleton } from "./types";

/** Rows of the first page. */
const firstRows = 60;
/** Lists that are kept up to date although nobody shows them: who comes back finds them as they are. */
const warmLists = 4;

export interface MailOptions {
  connection?: Connection;
  tell?: Tell;
  /** Where it is remembered which mailbox is shown first: so that it can be asked for before the session is known. */
  memory?: Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined;
}

/** Opens the mail of who is signed in; rejects with SignedOutError where nobody is, and with ConnectionError where no server answers. */
export async function openMail(o: MailOptions = {}): Promise<Mail> {
  const connection = o.connection ?? new Connection();
  const memory = "memory" in o ? o.memory : globalThis.localStorage;
  const mail = new LiveMail(connection, o.tell ?? toast);
  // What was first the last time is most likely first again: it is asked for together with the session.
  const remembered = recall(memory);
  if (remembered) connection.presume(remembered.accountId);
  const guess = remembered && mail.loadFirst(remembered.inbox).catch(() => false);
  try {
    await connection.open();
  } catch (e) {
    await guess;
    mail.close();
    if (e instanceof SignedOutError) memory?.removeItem(memoryKey); // somebody else may be the next
    throw e;
  }
  if (!(await guess) || remembered?.accountId !== connection.accountId) await mail.loadAll();
  const inbox = mail.mailboxByRole("inbox");
  if (inbox) memory?.setItem(memoryKey, JSON.stringify({ accountId: connection.accountId, inbox: inbox.id }));
  mail.begin();
  return mail;
}

const memoryKey = "mailmesh.first";

function recall(memory: MailOptions["memory"]): { accountId: Id; inbox: Id } | undefined {
  try {
    const said = JSON.parse(memory?.getItem(memoryKey) ?? "null");
    return typeof said?.accountId === "string" && typeof said?.inbox === "string" ? said : undefined;
  } catch {
    return undefined;
  }
}

class LiveMail implements Mail {
  readonly do: Actions;
  readonly contacts: LiveContacts;
  readonly submissions: LiveSubmissions;
  readonly snoozes: LiveSnoozes;
  readonly identities;
  readonly mailboxes;
  readonly ready;
  readonly pending;
  readonly #emails = new Emails();
  readonly #fetcher: Fetcher;
  readonly #mailboxes: Mailboxes;
  readonly #queue: Queue;
  readonly #sync: Sync;
  readonly #conversations: Conversations;
  readonly #lists = new Map<string, LiveList>(); // the last used one behind
  readonly #collections = new Map<string, LiveCollection<{ readonly id: Id }>>();

  constructor(
    readonly connection: Connection,
    tell: Tell,
  ) {
    const emails = this.#emails;
    this.#fetcher = new Fetcher(connection, emails);
    this.#mailboxes = new Mailboxes(emails);
    this.#queue = new Queue(connection, emails, {
      confirmed: () => this.#sync.soon(),
      refused: (trouble) => tell({ text: t("model.undone", { why: say(trouble) }), kind: "error" }),
    });
    const mailboxes = this.#mailboxes;
    this.do = this.#actions(tell);
    const quietly = this.#actions(() => {});
    const conversations = new Conversations({
      connection,
      emails,
      fetcher: this.#fetcher,
      markRead: (ids) => quietly.read(ids),
    });
    this.#conversations = conversations;
    const lists = () => this.#lists.values();
    this.#sync = new Sync({ connection, emails, mailboxes, queue: this.#queue, conversations, lists });
    this.contacts = new LiveContacts(connection, () => !this.has(capability.live));
    this.submissions = new LiveSubmissions(connection);
    this.snoozes = new LiveSnoozes(this.#collection<Snooze>("Snooze"), emails, () => this.mailboxByRole("snoozed")?.id);
    this.identities = computed(() => this.identityCollection.items.value ?? []);
    this.mailboxes = this.#mailboxes.list;
    this.ready = this.#mailboxes.ready;
    this.pending = this.#queue.count;
  }

  #actions(tell: Tell): Actions {
    const boxes = new MailboxActions(this.connection, this.#mailboxes, () => this.#sync.now());
    const mails = new EmailActions({
      emails: this.#emails,
      fetcher: this.#fetcher,
      queue: this.#queue,
      mailbox: (role) => this.mailboxByRole(role)?.id,
      mailboxName: (id) => this.mailboxById(id)?.name ?? "",
      makeMailbox: (role) => boxes.makeRole(role),
      tell,
    });
    return actionsOf(mails, boxes, () => this.#actions(() => {}));
  }

  get accountId(): Id {
    return this.connection.accountId;
  }

  get login(): string {
    return this.connection.session.username;
  }

  get capabilities() {
    return this.connection.session.accounts[this.accountId]?.accountCapabilities ?? {};
  }

  has(uri: string): boolean {
    return uri in this.capabilities;
  }

  mailboxByRole(role: Role): Mailbox | undefined {
    return this.#mailboxes.byRole(role);
  }

  mailboxById(id: Id): Mailbox | undefined {
    return this.#mailboxes.byId(id);
  }

  // --- the beginning ---

  /** Loads the mailboxes and the first page of one, in one request. False: there is no such mailbox. */
  async loadFirst(mailboxId: Id): Promise<boolean> {
    const list = this.#list({ mailboxId });
    const { boxes, page } = await this.connection.batch((b) => ({
      boxes: this.#mailboxes.load(b),
      page: list.first(b, firstRows),
    }));
    this.#emails.transaction(() => {
      boxes();
      const states = page();
      this.#sync.begin(states.email, states.thread);
    });
    if (this.mailboxById(mailboxId)) return true;
    this.#lists.clear();
    list.dispose();
    return false;
  }

  /** The same without knowing what is there. */
  async loadAll(): Promise<void> {
    const boxes = await this.connection.batch((b) => this.#mailboxes.load(b));
    boxes();
    const first = this.mailboxByRole("inbox") ?? this.#mailboxes.list.value[0];
    if (first) await this.loadFirst(first.id);
  }

  /** Follows what the server tells from now on. */
  begin(): void {
    this.#sync.follow();
    this.identityCollection.load().catch(() => {});
  }

  // --- lists ---

  list(spec: ListSpec): MailList {
    const list = this.#list(spec);
    list.users++;
    return list;
  }

  #list(spec: ListSpec): LiveList {
    const key = JSON.stringify(spec, Object.keys(flatKeys(spec)).sort());
    const list =
      this.#lists.get(key) ??
      new LiveList(spec, {
        connection: this.connection,
        emails: this.#emails,
        fetcher: this.#fetcher,
        aside: () => new Set((["trash", "junk"] as const).flatMap((r) => this.mailboxByRole(r)?.id ?? [])),
        atRest: (threadIds) => this.#conversations.prefetch(threadIds),
        behind: () => this.#sync.soon(),
        closed: () => this.#coolDown(),
      });
    this.#lists.delete(key);
    this.#lists.set(key, list);
    this.#coolDown();
    return list;
  }

  #coolDown(): void {
    const unused = [...this.#lists].filter(([, l]) => l.users <= 0);
    for (const [key, list] of unused.slice(0, -warmLists)) {
      this.#lists.delete(key);
      list.dispose();
    }
  }

  email(id: Id) {
    return this.#emails.signal(id);
  }

  conversation(threadId: Id): Conversation {
    return this.#conversations.get(threadId);
  }

  prefetch(threadId: Id): void {
    this.#conversations.prefetch([threadId]);
  }

  async snippets(filter: EmailFilter, emailIds: readonly Id[]): Promise<ReadonlyMap<Id, SearchSnippet>> {
    const out = new Map<Id, SearchSnippet>();
    for (const some of chunks(emailIds, 50)) {
      const got = await this.connection.call<{ list: SearchSnippet[] }>("SearchSnippet/get", {
        filter,
        emailIds: some,
      });
      for (const s of got.list) out.set(s.emailId, s);
    }
    return out;
  }

  // --- other types ---

  get identityCollection(): Collection<Identity> {
    return this.#collection<Identity>("Identity");
  }

  get quota(): Collection<Quota> {
    return this.#collection<Quota>("Quota");
  }

  get vacation(): Singleton<VacationResponse> {
    return this.singleton<VacationResponse>("VacationResponse");
  }

  get notificationRules(): Singleton<NotificationRules> {
    return this.singleton<NotificationRules>("NotificationRules");
  }

  get liveSettings(): Singleton<LiveSettings> {
    return this.singleton<LiveSettings>("LiveSettings");
  }

  collection<T extends { readonly id: Id }>(type: string): Collection<T> {
    return this.#collection<T>(type);
  }

  singleton<T extends { readonly id: string }>(type: string): Singleton<T> {
    return new LiveSingleton<T>(this.#collection<T>(type));
  }

  #collection<T extends { readonly id: Id }>(type: string): LiveCollection<T> {
    let one = this.#collections.get(type);
    if (!one) {
      one = new LiveCollection(this.connection, type, { hasChanges: type !== "Snooze" });
      this.#collections.set(type, one);
    }
    return one as unknown as LiveCollection<T>;
  }

  refresh(): Promise<void> {
    return this.#sync.now();
  }

  close(): void {
    this.#sync.close();
    this.#queue.close();
    for (const list of this.#lists.values()) list.dispose();
    this.connection.close();
  }
}

/** The keys of a spec at every depth, so that the same spec has the same text whatever the order of its keys. */
function flatKeys(value: unknown, into: Record<string, true> = {}): Record<string, true> {
  if (typeof value !== "object" || value === null) return into;
  for (const [key, inner] of Object.entries(value)) {
    into[key] = true;
    flatKeys(inner, into);
  }
  return into;
}
