// The words of JMAP as TypeScript types: RFC 8620 (Core), RFC 8621 (Mail), and the capabilities of ours that docs/jmap*.md describe.
// Nothing here has behaviour. Names of properties are those on the wire.

export type Id = string;
/** A date as JMAP writes it (RFC 8620 1.4): `2026-11-22T12:00:00Z`. */
export type UTCDate = string;

// --- RFC 8620: core -------------------------------------------------------------------------------------------------------------

/** The session (RFC 8620 2). */
export interface Session {
  readonly capabilities: { readonly [uri: string]: Readonly<Record<string, unknown>> };
  readonly accounts: { readonly [id: Id]: Account };
  readonly primaryAccounts: { readonly [uri: string]: Id };
  readonly username: string;
  readonly apiUrl: string;
  readonly downloadUrl: string;
  readonly uploadUrl: string;
  readonly eventSourceUrl: string;
  readonly state: string;
}

export interface Account {
  readonly name: string;
  readonly isPersonal: boolean;
  readonly isReadOnly: boolean;
  readonly accountCapabilities: { readonly [uri: string]: Readonly<Record<string, unknown>> };
}

/** URIs of capabilities, for `using` and for what an account has. */
export const capability = {
  core: "urn:ietf:params:jmap:core",
  mail: "urn:ietf:params:jmap:mail",
  submission: "urn:ietf:params:jmap:submission",
  vacation: "urn:ietf:params:jmap:vacationresponse",
  mdn: "urn:ietf:params:jmap:mdn",
  blob: "urn:ietf:params:jmap:blob",
  quota: "urn:ietf:params:jmap:quota",
  websocket: "urn:ietf:params:jmap:websocket",
  vapid: "urn:ietf:params:jmap:webpush-vapid",
  live: "https://mailmesh.org/jmap/live",
  notifications: "https://mailmesh.org/jmap/notifications",
  sessions: "https://mailmesh.org/jmap/sessions",
  snooze: "https://mailmesh.org/jmap/snooze",
  unsubscribe: "https://mailmesh.org/jmap/unsubscribe",
  pictures: "https://mailmesh.org/jmap/pictures",
} as const;

/** The limits of RFC 8620 2 that a client keeps. */
export interface CoreLimits {
  readonly maxSizeUpload: number;
  readonly maxConcurrentUpload: number;
  readonly maxSizeRequest: number;
  readonly maxConcurrentRequests: number;
  readonly maxCallsInRequest: number;
  readonly maxObjectsInGet: number;
  readonly maxObjectsInSet: number;
}

/** A call or a response of a batch (RFC 8620 3.2): name, arguments, id. */
export type Invocation = [name: string, args: Record<string, unknown>, callId: string];

export interface ResultReference {
  resultOf: string;
  name: string;
  path: string;
}

/** Why one object of a /set was refused (RFC 8620 5.3). */
export interface SetError {
  readonly type: string;
  readonly description?: string | null;
  readonly properties?: readonly string[];
  readonly existingId?: Id;
}

export interface GetResponse<T> {
  readonly accountId: Id;
  readonly state: string;
  readonly list: readonly T[];
  readonly notFound: readonly Id[];
}

export interface ChangesResponse {
  readonly accountId: Id;
  readonly oldState: string;
  readonly newState: string;
  readonly hasMoreChanges: boolean;
  readonly created: readonly Id[];
  readonly updated: readonly Id[];
  readonly destroyed: readonly Id[];
  /** Of Mailbox/changes (RFC 8621 2.2): only these differ; null where that is not known. */
  readonly updatedProperties?: readonly string[] | null;
}

export interface SetResponse<T = Record<string, unknown>> {
  readonly accountId: Id;
  readonly oldState: string | null;
  readonly newState: string;
  readonly created: { readonly [creationId: string]: Partial<T> } | null;
  readonly updated: { readonly [id: Id]: Partial<T> | null } | null;
  readonly destroyed: readonly Id[] | null;
  readonly notCreated: { readonly [creationId: string]: SetError } | null;
  readonly notUpdated: { readonly [id: Id]: SetError } | null;
  readonly notDestroyed: { readonly [id: Id]: SetError } | null;
}

export interface SetArguments<T = Record<string, unknown>> {
  ifInState?: string;
  create?: { [creationId: string]: Partial<T> & Record<string, unknown> };
  update?: { [id: Id]: PatchObject };
  destroy?: Id[];
  [more: string]: unknown;
}

/** Paths to values (RFC 8620 5.3); null takes a value away. */
export type PatchObject = Record<string, unknown>;

export interface QueryResponse {
  readonly accountId: Id;
  readonly queryState: string;
  readonly canCalculateChanges: boolean;
  readonly position: number;
  readonly ids: readonly Id[];
  readonly total?: number;
  readonly limit?: number;
}

export interface QueryChangesResponse {
  readonly accountId: Id;
  readonly oldQueryState: string;
  readonly newQueryState: string;
  readonly total?: number;
  readonly removed: readonly Id[];
  readonly added: readonly { readonly id: Id; readonly index: number }[];
}

export interface Comparator {
  property: string;
  isAscending?: boolean;
  collation?: string;
  keyword?: string;
}

/** StateChange (RFC 8620 7.1), with the pushState of RFC 8887. */
export interface StateChange {
  readonly "@type": "StateChange";
  readonly changed: { readonly [accountId: Id]: { readonly [type: string]: string } };
  readonly pushState?: string;
}

/** What an upload answers (RFC 8620 6.1). */
export interface Upload {
  readonly accountId: Id;
  readonly blobId: Id;
  readonly type: string;
  readonly size: number;
}

// --- RFC 8621: mail -------------------------------------------------------------------------------------------------------------

export type Role =
  | "inbox"
  | "archive"
  | "drafts"
  | "sent"
  | "trash"
  | "junk"
  | "important"
  | "flagged"
  | "all"
  | "snoozed"
  | "scheduled"
  | "subscriptions";

export interface MailboxRights {
  readonly mayReadItems: boolean;
  readonly mayAddItems: boolean;
  readonly mayRemoveItems: boolean;
  readonly maySetSeen: boolean;
  readonly maySetKeywords: boolean;
  readonly mayCreateChild: boolean;
  readonly mayRename: boolean;
  readonly mayDelete: boolean;
  readonly maySubmit: boolean;
}

/** Mailbox (RFC 8621 2): a folder, or a label. */
export interface Mailbox {
  readonly id: Id;
  readonly name: string;
  readonly parentId: Id | null;
  readonly role: Role | null;
  readonly sortOrder: number;
  readonly totalEmails: number;
  readonly unreadEmails: number;
  readonly totalThreads: number;
  readonly unreadThreads: number;
  readonly myRights: MailboxRights;
  readonly isSubscribed: boolean;
}

export interface Thread {
  readonly id: Id;
  /** The oldest first (RFC 8621 3). */
  readonly emailIds: readonly Id[];
}

export interface EmailAddress {
  readonly name: string | null;
  readonly email: string;
}

export interface EmailHeader {
  readonly name: string;
  readonly value: string;
}

/** EmailBodyPart (RFC 8621 4.1.4). */
export interface EmailBodyPart {
  readonly partId: string | null;
  readonly blobId: Id | null;
  readonly size: number;
  readonly name: string | null;
  readonly type: string;
  readonly charset: string | null;
  readonly disposition: string | null;
  readonly cid: string | null;
  readonly language?: readonly string[] | null;
  readonly location?: string | null;
  readonly headers?: readonly EmailHeader[];
  readonly subParts?: readonly EmailBodyPart[] | null;
}

export interface EmailBodyValue {
  readonly value: string;
  readonly isEncodingProblem: boolean;
  readonly isTruncated: boolean;
}

/** A set as JMAP writes it: what is in it is true. */
export type IdSet = { readonly [id: string]: true };

/** Email (RFC 8621 4). What was not asked for is not there. */
export interface Email {
  readonly id: Id;
  readonly blobId?: Id;
  readonly threadId?: Id;
  readonly mailboxIds?: IdSet;
  readonly keywords?: IdSet;
  readonly size?: number;
  readonly receivedAt?: UTCDate;
  readonly messageId?: readonly string[] | null;
  readonly inReplyTo?: readonly string[] | null;
  readonly references?: readonly string[] | null;
  readonly sender?: readonly EmailAddress[] | null;
  readonly from?: readonly EmailAddress[] | null;
  readonly to?: readonly EmailAddress[] | null;
  readonly cc?: readonly EmailAddress[] | null;
  readonly bcc?: readonly EmailAddress[] | null;
  readonly replyTo?: readonly EmailAddress[] | null;
  readonly subject?: string | null;
  readonly sentAt?: string | null;
  readonly hasAttachment?: boolean;
  readonly preview?: string;
  readonly bodyStructure?: EmailBodyPart;
  readonly bodyValues?: { readonly [partId: string]: EmailBodyValue };
  readonly textBody?: readonly EmailBodyPart[];
  readonly htmlBody?: readonly EmailBodyPart[];
  readonly attachments?: readonly EmailBodyPart[];
  readonly headers?: readonly EmailHeader[];
  /** Header fields in a form (RFC 8621 4.1.3), such as `header:List-Unsubscribe:asURLs`. */
  readonly [header: `header:${string}`]: unknown;
}

/** FilterCondition of Email/query (RFC 8621 4.4.1). */
export interface EmailCondition {
  inMailbox?: Id;
  inMailboxOtherThan?: readonly Id[];
  before?: UTCDate;
  after?: UTCDate;
  minSize?: number;
  maxSize?: number;
  allInThreadHaveKeyword?: string;
  someInThreadHaveKeyword?: string;
  noneInThreadHaveKeyword?: string;
  hasKeyword?: string;
  notKeyword?: string;
  hasAttachment?: boolean;
  text?: string;
  from?: string;
  to?: string;
  cc?: string;
  bcc?: string;
  subject?: string;
  body?: string;
  header?: readonly [name: string, value?: string];
}

export interface FilterOperator<C> {
  operator: "AND" | "OR" | "NOT";
  conditions: readonly Filter<C>[];
}

export type Filter<C> = C | FilterOperator<C>;
export type EmailFilter = Filter<EmailCondition>;

/** What a search has found in an email (RFC 8621 5): HTML in which nothing but <mark> is markup. */
export interface SearchSnippet {
  readonly emailId: Id;
  readonly subject: string | null;
  readonly preview: string | null;
}

export interface Identity {
  readonly id: Id;
  readonly name: string;
  readonly email: string;
  readonly replyTo: readonly EmailAddress[] | null;
  readonly bcc: readonly EmailAddress[] | null;
  readonly textSignature: string;
  readonly htmlSignature: string;
  readonly mayDelete: boolean;
}

export interface Envelope {
  readonly mailFrom: EnvelopeAddress;
  readonly rcptTo: readonly EnvelopeAddress[];
}

export interface EnvelopeAddress {
  readonly email: string;
  readonly parameters?: { readonly [name: string]: string | null } | null;
}

/** DeliveryStatus (RFC 8621 7) of a recipient. */
export interface DeliveryStatus {
  readonly smtpReply: string;
  readonly delivered: "queued" | "yes" | "no" | "unknown";
  readonly displayed: "unknown" | "yes";
}

/** A step of a submission's timeline (docs/message-status.md). */
export interface SubmissionStep {
  readonly state:
    | "queued"
    | "attempted"
    | "deferred"
    | "relayed"
    | "delivered"
    | "displayed"
    | "failed"
    | "expired"
    | "canceled";
  readonly at: UTCDate;
  readonly by: string | null;
  readonly reply: string | null;
}

/** EmailSubmission (RFC 8621 7), with our timeline. */
export interface EmailSubmission {
  readonly id: Id;
  readonly identityId: Id;
  readonly emailId: Id;
  readonly threadId: Id;
  readonly envelope: Envelope;
  readonly sendAt: UTCDate;
  readonly undoStatus: "pending" | "final" | "canceled";
  readonly deliveryStatus: { readonly [address: string]: DeliveryStatus } | null;
  readonly dsnBlobIds: readonly Id[];
  readonly mdnBlobIds: readonly Id[];
  readonly timeline?: { readonly [address: string]: readonly SubmissionStep[] };
}

export interface VacationResponse {
  readonly id: "singleton";
  readonly isEnabled: boolean;
  readonly fromDate: UTCDate | null;
  readonly toDate: UTCDate | null;
  readonly subject: string | null;
  readonly textBody: string | null;
  readonly htmlBody: string | null;
}

/** Quota (RFC 9425 4). */
export interface Quota {
  readonly id: Id;
  readonly resourceType: "count" | "octets";
  readonly used: number;
  readonly hardLimit: number;
  readonly warnLimit?: number | null;
  readonly softLimit?: number | null;
  readonly scope: "account" | "domain" | "global";
  readonly name: string;
  readonly types: readonly string[];
  readonly description?: string | null;
}

// --- ours -----------------------------------------------------------------------------------------------------------------------

/** Contact (docs/jmap-live.md). */
export interface Contact {
  readonly id: Id;
  readonly email: string;
  readonly name: string;
  readonly isAccepted: boolean;
  readonly isBlocked: boolean;
  readonly piercesQuietHours: boolean;
  readonly learnsOfDisplays: "never" | "always" | null;
  readonly isKnown: boolean;
  readonly daysWritten: number;
  readonly lastWritten: UTCDate | null;
  readonly created: UTCDate;
}

export interface LiveSettings {
  readonly id: "singleton";
  readonly showsPresence: boolean;
  readonly showsTyping: boolean;
  readonly showsReading: boolean;
  readonly showsDisplays: "never" | "contacts" | "always";
}

export interface NotificationRules {
  readonly id: "singleton";
  readonly notifyAbout: "all" | "contacts" | "mentions" | "none";
  readonly showsContent: boolean;
  readonly quietHours: { readonly from: string; readonly to: string; readonly timeZone: string } | null;
  readonly urgentPiercesQuietHours: boolean;
}

/** Snooze (docs/jmap-snooze.md); its id is that of the email. */
export interface Snooze {
  readonly id: Id;
  readonly emailId: Id;
  readonly until: UTCDate;
}

/** Signal (docs/jmap-live.md): what a person does at this moment. */
export interface Signal {
  readonly "@type": "Signal";
  readonly accountId: Id;
  readonly from: { readonly contactId: Id; readonly email: string };
  /** Others may come; who does not know them ignores them. */
  readonly state: "composing" | "paused" | "reading" | "gone" | "online" | "today" | "unknown" | (string & {});
  readonly threadId: Id | null;
  readonly sentAt: UTCDate;
  readonly until: UTCDate | null;
}

/** Notification (docs/jmap-notifications.md): mail that deserves attention. */
export interface Notification {
  readonly "@type": "Notification";
  readonly accountId: Id;
  readonly emailId: Id;
  readonly threadId: Id;
  readonly receivedAt: UTCDate;
  readonly isUrgent: boolean;
  readonly from?: EmailAddress;
  readonly subject?: string;
  readonly preview?: string;
}

/** PushSubscription (RFC 8620 7.2). */
export interface PushSubscription {
  readonly id: Id;
  readonly deviceClientId: string;
  readonly url?: string;
  readonly keys?: { readonly p256dh: string; readonly auth: string } | null;
  readonly verificationCode?: string | null;
  readonly expires: UTCDate | null;
  readonly types: readonly string[] | null;
}

/** How one leaves the list that an email came by (docs/jmap-mail.md). */
export interface Unsubscribe {
  readonly id: Id;
  readonly oneClick: boolean;
  readonly page: string | null;
  readonly mail: string | null;
}

/** A browser or a program that is signed in to the account (docs/jmap-sessions.md). */
export interface SignIn {
  readonly id: Id;
  /** What is no "web" is a program. */
  readonly kind: "web" | "program" | (string & {});
  /** Of a program: what it calls itself. */
  readonly name: string;
  readonly scopes: readonly string[];
  readonly created: UTCDate;
  readonly lastUsed: UTCDate;
  readonly expires: UTCDate;
  readonly isCurrent: boolean;
}
