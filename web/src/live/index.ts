// What makes mail feel like talking: what became of what one has sent, who is there and writes, reactions, and being told of what comes.
//
// Promises: nothing of others is shown for longer than it holds; nothing of ourselves is told that the account does not want told, nor to
// anybody in Bcc; what cannot be said at once is not said later. A connection that is lost is a calm line, and never a dialog.
import { effect } from "@preact/signals";
import { act, fill, provide, whenLeaving } from "../app/ports";
import { go, route } from "../app/route";
import { locale } from "../i18n";
import type { Id } from "../jmap/types";
import type { Mail } from "../model";
import { preferences } from "../preferences";
import type { Data } from "../worker/notice";
import { Live, live } from "./live";
import { closeRead, showNotices, words } from "./notices";
import { PresenceDot, TypingLine } from "./people";
import { disablePush, enablePush, hindrance, renewPush } from "./push";
import { React, Reactions, sortOnce } from "./reactions";
import { service, tellWorker } from "./service";
import { Ticks } from "./ticks";
import { keepTitle } from "./title";

export { ConnectionNotice } from "./connection";

/** What is in sight; a conversation that is opened with the page says so before anybody is signed in. */
let inSight: Id | null = null;

/** Fills the ports of this room. */
export function fillPorts(): void {
  fill("Ticks", Ticks);
  fill("TypingLine", TypingLine);
  fill("PresenceDot", PresenceDot);
  fill("Reactions", Reactions);
  fill("React", React);
  provide("typing", (state, to, emailId) => live.peek()?.typing(state, to, emailId));
  provide("reading", (emailId) => {
    inSight = emailId;
    live.peek()?.reading(emailId);
  });
  provide("folded", (emails) => sortOnce(emails).folded);
}

/** Begins with an account: until the result is called, or its user signs out. */
export function start(mail: Mail): () => void {
  const now = new Live(mail);
  live.value = now;
  now.reading(inSight);
  provide("pushHindrance", () => hindrance(mail));
  provide("enablePush", () => enablePush(mail));
  provide("disablePush", () => disablePush(mail));
  const open = (data: Pick<Data, "threadId"> & { emailId?: string | undefined; reply?: boolean }) => {
    go({ thread: data.threadId }); // in the inbox: what is told of lies there
    if (data.reply && data.emailId) act("compose")({ kind: "reply", emailId: data.emailId });
  };
  const asked = new URLSearchParams(location.search).get("reply"); // by the button of a notification
  if (asked) {
    go(route.peek(), "replace");
    act("compose")({ kind: "reply", emailId: asked });
  }
  const stops = [
    () => now.stop(),
    keepTitle(mail),
    showNotices(mail, open),
    effect(() => void tellWorker(accountOf(mail))),
    hearWorker(mail, open),
    whenLeaving(() => leave(mail)),
  ];
  void service().then(() => Promise.allSettled([renewPush(mail), closeRead(mail)])); // at the next start, if not now
  return () => {
    live.value = null;
    for (const stop of stops) stop();
  };
}

/** What the worker has to know; again when the language or the mailboxes change. */
function accountOf(mail: Mail) {
  void locale.value;
  void mail.mailboxes.value;
  return {
    apiUrl: new URL(mail.connection.session.apiUrl).pathname,
    accountId: mail.accountId,
    boxes: { inbox: mail.mailboxByRole("inbox")?.id, archive: mail.mailboxByRole("archive")?.id },
    words: words(),
  };
}

function hearWorker(
  mail: Mail,
  open: (data: { threadId: string; emailId?: string; reply?: boolean }) => void,
): () => void {
  const hear = ({ data }: MessageEvent) => {
    if (data?.type === "open" && typeof data.threadId === "string") open(data);
    if (data?.type === "resubscribe") void renewPush(mail).catch(() => {});
  };
  navigator.serviceWorker?.addEventListener("message", hear);
  const seen = () => {
    if (!document.hidden) void closeRead(mail).catch(() => {});
  };
  document.addEventListener("visibilitychange", seen);
  return () => {
    navigator.serviceWorker?.removeEventListener("message", hear);
    document.removeEventListener("visibilitychange", seen);
  };
}

/** Signing out: nothing is told on this device any more, and what is shown goes. */
async function leave(mail: Mail): Promise<void> {
  const registration = await service();
  for (const n of (await registration?.getNotifications()) ?? []) n.close();
  const unsubscribed = preferences.push.peek() ? disablePush(mail) : undefined;
  await Promise.allSettled([unsubscribed, tellWorker(null)]);
}
