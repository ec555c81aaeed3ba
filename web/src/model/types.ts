// What the model gives to the rooms above it. The classes that fill these interfaces are in the files beside this one.

import type { ReadonlySignal } from "@preact/signals";
import type { Key } from "../i18n";
import type { Connection } from "../jmap/connection";
import type {
  Comparator,
  Contact,
  Email,
  EmailAddress,
  EmailFilter,
  EmailSubmission,
  Id,
  Identity,
  LiveSettings,
  Mailbox,
  NotificationRules,
  PatchObject,
  Quota,
  Role,
  SearchSnippet,
  Snooze,
  VacationResponse,
} from "../jmap/types";

/** Why something is not there or was not done, in words for a person: `t(key, holes)`. */
export interface Trouble {
  readonly key: Key;
  readonly holes: Readonly<Record<string, string | number>>;
  /** What was caught. */
  readonly cause: unknown;
}

/** The mail of the account that is signed in. There is one, made by openMail and read by useMail(). */
export interface Mail {
  readonly connection: Connection;
  readonly accountId: Id;
  /** The address that was signed in with. */
  readonly login: string;
  /** What the account has (RFC 8620 2: accountCapabilities), by URI. */
  readonly capabilities: { readonly [uri: string]: Readonly<Record<string, unknown>> };
  has(capabilityURI: string): boolean;

  /** All mailboxes in the order they are shown: by role, sortOrder and name, each before those below it. undefined until they are known. */
  readonly mailboxes: ReadonlySignal<readonly Mailbox[]>;
  /** Whether the mailboxes have been loaded. */
  readonly ready: ReadonlySignal<boolean>;
  mailboxByRole(role: Role): Mailbox | undefined;
  mailboxById(id: Id): Mailbox | undefined;

  /** The list of a spec. Who asks with the same spec gets the same list; each one who has asked closes it. */
  list(spec: ListSpec): MailList;
  /** The summary of an email, loaded if need be; undefined until then, and once it is gone. */
  email(id: Id): ReadonlySignal<Email | undefined>;
  /** A thread with its bodies. Asking again is cheap: the newest 50 are kept. */
  conversation(threadId: Id): Conversation;
  /** Loads a conversation that is likely to be opened soon (in sight, hovered). */
  prefetch(threadId: Id): void;
  /** The texts that a search has found, with <mark> around them (RFC 8621 5). */
  snippets(filter: EmailFilter, emailIds: readonly Id[]): Promise<ReadonlyMap<Id, SearchSnippet>>;

  readonly do: Actions;
  readonly contacts: Contacts;
  readonly identities: ReadonlySignal<readonly Identity[]>;
  readonly submissions: Submissions;
  readonly vacation: Singleton<VacationResponse>;
  readonly notificationRules: Singleton<NotificationRules>;
  readonly liveSettings: Singleton<LiveSettings>;
  /** Loaded when it is first read. */
  readonly quota: Collection<Quota>;
  readonly identityCollection: Collection<Identity>;
  readonly snoozes: Snoozes;
  /** Any other type of objects of the account, such as SignIn: live where the server pushes it. The same type: the same object. */
  collection<T extends { readonly id: Id }>(type: string): Collection<T>;
  singleton<T extends { readonly id: string }>(type: string): Singleton<T>;

  /** How many actions wait for the server: offline, they wait until it is back. */
  readonly pending: ReadonlySignal<number>;
  /** Catches up by /changes; after a reconnect it happens by itself. */
  refresh(): Promise<void>;
  close(): void;
}

/** What a list shows. */
export interface ListSpec {
  /** The mailbox that is shown; the actions of rows cover the emails of their threads in it. */
  readonly mailboxId?: Id;
  /** What must hold besides. */
  readonly filter?: EmailFilter;
  /** Only what is important (`$important`, RFC 8457). */
  readonly priority?: boolean;
  /** Default: the newest first. */
  readonly sort?: readonly Comparator[];
  /** Default true: a row stands for a thread. */
  readonly collapseThreads?: boolean;
}

/** A row of a list: an email, and the thread that it stands for. The object is another one when anything of it is. */
export interface Row {
  /** The email that stands for the thread: the first one that the list finds, with the newest first the newest. */
  readonly emailId: Id;
  readonly threadId: Id;
  /** Its summary: from, to, cc, subject, preview, receivedAt, keywords, mailboxIds, hasAttachment, size. */
  readonly email: Email;
  /** The emails that actions on the row cover: of the thread, in the mailbox that is shown (without one: all but in trash and junk). */
  readonly emailIds: readonly Id[];
  /** How many emails the thread has, and how many of them are unread. */
  readonly count: number;
  readonly unread: number;
  readonly flagged: boolean;
  readonly hasAttachment: boolean;
  readonly muted: boolean;
  /** Something in the thread is a draft. */
  readonly draft: boolean;
  /** Who has written in the thread, the oldest first, each once. */
  readonly participants: readonly EmailAddress[];
  /** The mailboxes that the thread lies in. */
  readonly mailboxIds: readonly Id[];
}

export interface MailList {
  readonly spec: ListSpec;
  readonly total: ReadonlySignal<number | undefined>;
  /** Rises with each change of what at() answers. */
  readonly version: ReadonlySignal<number>;
  /** Set while the list cannot be loaded. */
  readonly trouble: ReadonlySignal<Trouble | undefined>;
  /** Row i; asks for what is missing. */
  at(i: number): Row | "loading";
  /** What is in sight: loads around it, forgets far away. */
  window(from: number, to: number): void;
  /** Where an email, or the thread it is in, stands now; -1: not among what is loaded. */
  indexOf(emailId: Id): number;
  indexOfThread(threadId: Id): number;
  /** All emails that the list stands for, those of collapsed threads too: for "select all". Asks the server. */
  allEmailIds(): Promise<readonly Id[]>;
  /** The list is not used any more by who has asked for it. */
  close(): void;
}

export interface Conversation {
  readonly threadId: Id;
  /** The oldest first, with htmlBody, textBody, bodyValues, attachments and the header fields of conversationHeaders. */
  readonly emails: ReadonlySignal<readonly Email[]>;
  readonly state: ReadonlySignal<"loading" | "ready" | "gone" | "failed">;
  readonly trouble: ReadonlySignal<Trouble | undefined>;
  /** Loads all of a body value that isTruncated. */
  wholeBody(emailId: Id, partId: string): Promise<void>;
  /** The conversation is on the screen: what is unread in it is read from now on. Without a toast. */
  shown(): void;
  /** Loads again what has failed. */
  retry(): void;
}

/** Something that was done. */
export interface Undo {
  /** Takes it back, exactly: what was so before is so again. A second call does nothing. */
  undo(): void;
  /** When the server has confirmed it; rejects where it has refused, with the Trouble that was told. Unhandled rejections are silent. */
  readonly done: Promise<void>;
}

/** What one does with mail. It is seen at once; what the server refuses is rolled back and told. Offline it waits until the server is back. */
export interface Actions {
  archive(ids: readonly Id[]): Undo;
  trash(ids: readonly Id[]): Undo;
  /** For good. */
  destroy(ids: readonly Id[]): Undo;
  junk(ids: readonly Id[]): Undo;
  notJunk(ids: readonly Id[]): Undo;
  move(ids: readonly Id[], mailboxId: Id, from?: Id): Undo;
  addTo(ids: readonly Id[], mailboxId: Id): Undo;
  removeFrom(ids: readonly Id[], mailboxId: Id): Undo;
  keyword(ids: readonly Id[], keyword: string, on: boolean): Undo;
  read(ids: readonly Id[]): Undo;
  unread(ids: readonly Id[]): Undo;
  star(ids: readonly Id[]): Undo;
  unstar(ids: readonly Id[]): Undo;
  important(ids: readonly Id[], on: boolean): Undo;
  snooze(ids: readonly Id[], until: Date): Undo;
  wake(ids: readonly Id[]): Undo;
  muteThread(threadId: Id): Undo;
  unmuteThread(threadId: Id): Undo;

  /** The same, without toasts. */
  readonly quietly: Actions;

  createMailbox(name: string, parentId?: Id | null): Promise<Id>;
  renameMailbox(id: Id, name: string): Promise<void>;
  moveMailbox(id: Id, parentId: Id | null): Promise<void>;
  /** With its emails, but for those that lie elsewhere too. */
  destroyMailbox(id: Id): Promise<void>;
  /** Destroys all emails that lie in no other mailbox (RFC 8621 4.6); onProgress from 0 to 1. */
  emptyMailbox(id: Id, onProgress?: (fraction: number) => void): Promise<number>;
}

/** Objects of a type of which there are few: all are loaded when they are first read, and live from then on. */
export interface Collection<T extends { readonly id: Id }> {
  /** undefined until they are loaded. Reading the signal loads them. */
  readonly items: ReadonlySignal<readonly T[] | undefined>;
  readonly trouble: ReadonlySignal<Trouble | undefined>;
  load(): Promise<readonly T[]>;
  byId(id: Id): T | undefined;
  /** These reject with an ObjectError, a MethodError or a ConnectionError; troubleOf has words for each. */
  create(object: Partial<T> & Record<string, unknown>, more?: Record<string, unknown>): Promise<T>;
  update(id: Id, patch: PatchObject): Promise<void>;
  destroy(id: Id): Promise<void>;
}

/** An object that there is one of. */
export interface Singleton<T> {
  /** undefined until it is loaded. Reading the signal loads it. */
  readonly value: ReadonlySignal<T | undefined>;
  readonly trouble: ReadonlySignal<Trouble | undefined>;
  load(): Promise<T>;
  /** Shown at once, and taken back where it is refused. */
  update(patch: PatchObject): Promise<void>;
}

export interface Contacts extends Collection<Contact> {
  /** Who is meant by what was typed, the best first. */
  complete(text: string, limit?: number): Promise<readonly Contact[]>;
  byEmail(email: string): Contact | undefined;
  /** The addresses, in lower case, of all whom the account knows. Reading it loads the contacts. */
  readonly known: ReadonlySignal<ReadonlySet<string>>;
  readonly blocked: ReadonlySignal<ReadonlySet<string>>;
}

/** What became of messages that were sent (docs/message-status.md). */
export interface Submissions {
  /** The newest submission of an email, with its timeline; null: there is none; undefined: not known yet. Live. */
  of(emailId: Id): ReadonlySignal<EmailSubmission | null | undefined>;
  /** All submissions of an email, the newest first; undefined: not known yet. Live. */
  all(emailId: Id): ReadonlySignal<readonly EmailSubmission[] | undefined>;
  /** Those that are sent later and can still be taken back, the next first. Loaded when it is first read. */
  readonly scheduled: ReadonlySignal<readonly EmailSubmission[] | undefined>;
  /** Takes a message back that has not left yet. False: it has left. */
  cancel(submissionId: Id): Promise<boolean>;
}

export interface Snoozes {
  /** When an email comes back; undefined: not known, or not snoozed. */
  of(emailId: Id): ReadonlySignal<Snooze | undefined>;
}
