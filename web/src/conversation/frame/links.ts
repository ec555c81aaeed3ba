// What happens to links of a message: where they lead is shown before one follows them, and asked about when they are not what they seem.

import { act } from "../../app/ports";
import { t } from "../../i18n";
import { type Destination, destination } from "../../safe";
import { ask } from "../../ui";

/** linkOf is the link that an event is about. */
export function linkOf(e: Event): HTMLAnchorElement | undefined {
  const target = e.target as Element | null;
  return (target?.closest?.("a[href], area[href]") as HTMLAnchorElement | null) ?? undefined;
}

export function destinationOf(link: HTMLAnchorElement): Destination | undefined {
  return destination(link.getAttribute("href") ?? "", link.textContent ?? "");
}

/** follow is what a click on a link does; it leaves to the browser what is plain. */
export function followLink(e: MouseEvent, link: HTMLAnchorElement): void {
  const href = link.getAttribute("href") ?? "";
  if (href.startsWith("#")) {
    e.preventDefault();
    const name = href.slice(1);
    const doc = link.ownerDocument;
    (doc.getElementById(name) ?? doc.getElementsByName(name)[0])?.scrollIntoView({ block: "start" });
    return;
  }
  const to = destinationOf(link);
  if (!to) {
    e.preventDefault();
    return;
  }
  if (to.scheme === "mail") {
    e.preventDefault();
    act("compose")({ kind: "mailto", uri: to.url });
  } else if (to.doubt) {
    e.preventDefault();
    void openDoubtful(to);
  }
}

const doubts = {
  host: "conversation.linkHost",
  lookalike: "conversation.linkLookalike",
  address: "conversation.linkAddress",
  user: "conversation.linkUser",
} as const;

async function openDoubtful(to: Destination): Promise<void> {
  const yes = await ask({
    title: t("conversation.linkQuestion"),
    body: `${t(doubts[to.doubt!], { named: to.named ?? "" })} ${to.url.slice(0, 300)}`,
    confirm: t("conversation.linkOpen", { host: to.host }),
  });
  if (yes) window.open(to.url, "_blank", "noopener,noreferrer");
}
