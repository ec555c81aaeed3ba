// What a notification says, from what the server tells of a mail (docs/jmap-notifications.md). The page and the worker show the same, under the
// same tag, so that what both show is one notification.
//
// The worker's files import nothing of the program: the worker is one classic script (Firefox has no others).

/** A Notification of the server. Where the account wants nothing told, who and what are absent. */
export interface Told {
  accountId: string;
  emailId: string;
  threadId: string;
  receivedAt: string;
  isUrgent: boolean;
  from?: { name?: string | null; email: string };
  subject?: string;
  preview?: string;
}

/** The words that it needs, in the language of the page: the worker has no catalogue. */
export interface Words {
  someone: string; // "New message", where nothing is told
  noSubject: string;
  several: Record<string, string>; // "{n} new messages", by plural form
  reply: string;
  archive: string;
  read: string;
  language: string;
  direction: "ltr" | "rtl";
}

/** What the worker knows of a notification that it has shown. */
export interface Data {
  accountId: string;
  threadId: string;
  emailIds: string[];
}

export interface Options {
  tag: string;
  body: string;
  icon: string;
  badge: string;
  lang: string;
  dir: "ltr" | "rtl";
  timestamp: number;
  renotify: boolean;
  requireInteraction: boolean;
  actions: { action: string; title: string }[];
  data: Data;
}

export const tagOf = (threadId: string) => `thread ${threadId}`;

const mostTold = 50; // emails of a thread that a notification remembers

/** Whether an object that was pushed is a Notification. */
export function isTold(v: unknown): v is Told & { "@type": "Notification" } {
  const o = v as Record<string, unknown> | null;
  return (
    typeof o === "object" &&
    o?.["@type"] === "Notification" &&
    ["accountId", "emailId", "threadId", "receivedAt"].every((name) => typeof o[name] === "string")
  );
}

/** The notification of a mail, together with those of its thread that are shown. Null where it is shown already. */
export function notice(told: Told, shown: readonly Data[], words: Words): { title: string; options: Options } | null {
  const before = shown.flatMap((d) => d.emailIds);
  if (before.includes(told.emailId)) return null;
  const emailIds = [...before, told.emailId].slice(-mostTold);
  const who = told.from && whoOf(told.from);
  const several = emailIds.length > 1 ? count(emailIds.length, words) : "";
  const body = who ? [told.subject?.trim() || words.noSubject, told.preview?.trim(), several] : [several];
  return {
    title: who ?? words.someone,
    options: {
      tag: tagOf(told.threadId),
      body: body.filter(Boolean).join("\n"),
      icon: "/icons/mailmesh-192.png",
      badge: "/icons/badge-96.png",
      lang: words.language,
      dir: words.direction,
      timestamp: Date.parse(told.receivedAt) || 0,
      renotify: true,
      requireInteraction: told.isUrgent,
      // Browsers show two: what one does most comes first.
      actions: [
        { action: "archive", title: words.archive },
        { action: "reply", title: words.reply },
        { action: "read", title: words.read },
      ],
      data: { accountId: told.accountId, threadId: told.threadId, emailIds },
    },
  };
}

/** As shownName of safe, which the worker cannot import: a name that is an address is not believed. */
export function whoOf(from: { name?: string | null; email: string }): string {
  const name = (from.name ?? "").replace(/[\p{Cc}\p{Bidi_Control}\u00ad\u200b\u2060\ufeff]/gu, "").trim();
  return name === "" || /\S[@\uff20\ufe6b]\S/.test(name) ? from.email : name;
}

function count(n: number, words: Words): string {
  const form = new Intl.PluralRules(words.language).select(n);
  return (words.several[form] ?? words.several.other ?? "{n}").replace("{n}", n.toLocaleString(words.language));
}

/** What a button of a notification does to its emails: an update of Email/set (RFC 8621 4.6). */
export function patch(
  action: string,
  boxes: { inbox?: string | undefined; archive?: string | undefined },
): Record<string, unknown> | null {
  if (action === "read") return { "keywords/$seen": true };
  if (action !== "archive" || !boxes.inbox || !boxes.archive) return null;
  return { "keywords/$seen": true, [`mailboxIds/${boxes.inbox}`]: null, [`mailboxIds/${boxes.archive}`]: true };
}
