// What stands on the tab, and on the program's icon: where one is, and how much is unread.
import { effect } from "@preact/signals";
import { route } from "../app/route";
import { t } from "../i18n";
import { number } from "../i18n/format";
import type { Mail } from "../model";

const icon = "/icons/mailmesh.svg";
const iconUnread = "/icons/mailmesh-unread.svg";

/** Keeps them right from now on. */
export function keepTitle(mail: Mail): () => void {
  const stop = effect(() => {
    void mail.mailboxes.value;
    const unread = mail.mailboxByRole("inbox")?.unreadThreads ?? 0;
    document.title = titleOf(unread, placeOf(mail));
    badge(unread);
  });
  return () => {
    stop();
    document.title = t("app.name");
    badge(0);
  };
}

export function titleOf(unread: number, place: string): string {
  if (!place) return t("app.name");
  return unread > 0 ? t("live.title.unread", { n: number(unread), place }) : t("live.title.plain", { place });
}

function placeOf(mail: Mail): string {
  const r = route.value;
  if (r.view === "settings") return t("app.settings");
  if (r.view === "search") return r.query || t("app.search");
  const box = r.view === "priority" ? "inbox" : r.box;
  const mailbox = mail.mailboxes.value.find((m) => m.role === box || m.id === box);
  return mailbox?.name ?? "";
}

function badge(unread: number): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const wanted = unread > 0 ? iconUnread : icon;
  if (link && link.getAttribute("href") !== wanted) link.href = wanted;
  // Where the program is installed (W3C Badging API). It rejects where there is nothing to put a badge on.
  if (unread > 0) void navigator.setAppBadge?.(unread).catch(() => {});
  else void navigator.clearAppBadge?.().catch(() => {});
}
