// Notifications while a page is open: one for each mail that the account's rules want told (docs/jmap-notifications.md), to whoever does not
// look at the page; an announcement to who does. They go when their mail was read, wherever that was.
import { direction, forms, locale, t } from "../i18n";
import { capability, type Email, type GetResponse, type Notification as Told } from "../jmap/types";
import type { Mail } from "../model";
import { preferences } from "../preferences";
import { announce } from "../ui";
import { type Data, notice, tagOf, type Words, whoOf } from "../worker/notice";
import { service } from "./service";

/** What notifications are made of, in the language that is shown. */
export function words(): Words {
  return {
    someone: t("live.news.someone"),
    noSubject: t("live.notice.noSubject"),
    several: forms("live.notice.several"),
    reply: t("live.notice.reply"),
    archive: t("live.notice.archive"),
    read: t("live.notice.read"),
    language: locale.peek(),
    direction: direction.peek(),
  };
}

export const mayNotify = () => "Notification" in window && Notification.permission === "granted";

/** Shows what comes from now on; open is called when somebody clicks on it. */
export function showNotices(mail: Mail, open: (data: Data) => void): () => void {
  if (!mail.has(capability.notifications)) return () => {};
  const { connection } = mail;
  connection.hear("Notification");
  const stops = [
    connection.on("Notification", (told) => {
      if (told.accountId !== mail.accountId) return;
      if (!document.hidden && document.hasFocus()) announce(news(told));
      else if (preferences.notify.peek() && mayNotify()) void oneAtATime(() => show(told, open));
    }),
    connection.on("StateChange", (s) => {
      if (s.changed[mail.accountId]?.Email) void closeRead(mail);
    }),
  ];
  return () => {
    connection.hear("Notification", false);
    for (const stop of stops) stop();
  };
}

function news(told: Told): string {
  const name = told.from && whoOf(told.from);
  if (!name) return t("live.news.someone");
  return told.subject ? t("live.news.fromSubject", { name, subject: told.subject }) : t("live.news.from", { name });
}

/** Several tabs, and the worker, hear of the same mail: who comes later sees that it is shown. */
async function oneAtATime(f: () => Promise<void>): Promise<void> {
  if (navigator.locks) await navigator.locks.request("notices", f);
  else await f();
}

async function show(told: Told, open: (data: Data) => void): Promise<void> {
  const registration = await service();
  const shown = (await registration?.getNotifications({ tag: tagOf(told.threadId) })) ?? [];
  const one = notice(
    told,
    shown.map((n) => n.data as Data),
    words(),
  );
  if (!one) return;
  if (registration?.active) {
    await registration.showNotification(one.title, one.options as NotificationOptions);
    return;
  }
  const { actions: _none, ...options } = one.options; // only a worker's notification has buttons
  const shownByPage = new Notification(one.title, options as NotificationOptions);
  shownByPage.onclick = () => {
    window.focus();
    shownByPage.close();
    open(one.options.data);
  };
}

/** Takes away what was read, or is no longer in the mailboxes, since it was shown. */
export async function closeRead(mail: Mail): Promise<void> {
  const registration = await service();
  const shown = (await registration?.getNotifications()) ?? [];
  const ids = [...new Set(shown.flatMap((n) => (n.data as Data | null)?.emailIds ?? []))];
  if (ids.length === 0) return;
  const { list } = await mail.connection.call<GetResponse<Email>>("Email/get", { ids, properties: ["id", "keywords"] });
  const unread = new Set(list.filter((e) => !e.keywords?.$seen).map((e) => e.id));
  for (const n of shown) {
    if (!(n.data as Data | null)?.emailIds.some((id) => unread.has(id))) n.close();
  }
}
