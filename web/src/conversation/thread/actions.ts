// What one can do with a message of a conversation: its menu.
import { act } from "../../app/ports";
import { go, listRoute } from "../../app/route";
import { t } from "../../i18n";
import type { Email, EmailAddress } from "../../jmap";
import { type Conversation, type Mail, say, troubleOf } from "../../model";
import { type MenuItem, toast } from "../../ui";
import type { Shared } from "../context";
import { isMine, nameOf } from "../people";
import { printElement } from "../print";
import { leaveList } from "./unsubscribe";

export interface MessageContext {
  mail: Mail;
  shared: Shared;
  conversation: Conversation;
  email: Email;
  element: () => HTMLElement | null;
}

export function messageMenu(c: MessageContext): MenuItem[] {
  return [...answers(c), ...marks(c), ...sight(c), ...sender(c)];
}

function answers({ email }: MessageContext): MenuItem[] {
  const compose = (kind: "reply" | "replyAll" | "forward" | "forwardAttached") => () =>
    act("compose")({ kind, emailId: email.id });
  return [
    { id: "reply", text: t("conversation.reply"), icon: "reply", hint: "r", do: compose("reply") },
    { id: "replyAll", text: t("conversation.replyAll"), icon: "replyAll", hint: "a", do: compose("replyAll") },
    { id: "forward", text: t("conversation.forward"), icon: "forward", hint: "f", do: compose("forward") },
    { id: "attach", text: t("conversation.forwardAttached"), icon: "clip", do: compose("forwardAttached") },
  ];
}

function marks({ mail, email, conversation }: MessageContext): MenuItem[] {
  const starred = !!email.keywords?.$flagged;
  return [
    {
      id: "star",
      text: t(starred ? "conversation.unstar" : "conversation.star"),
      icon: "star",
      divider: true,
      do: () => void (starred ? mail.do.unstar([email.id]) : mail.do.star([email.id])),
    },
    { id: "unread", text: t("conversation.unreadFrom"), icon: "mail", do: () => unreadFrom(mail, conversation, email) },
    { id: "delete", text: t("conversation.delete"), icon: "trash", do: () => void mail.do.trash([email.id]) },
  ];
}

/** Marks a message and all that came after it as unread, and leaves the conversation, which would read them again. */
function unreadFrom(mail: Mail, conversation: Conversation, email: Email): void {
  const all = conversation.emails.value;
  const from = all.findIndex((e) => e.id === email.id);
  go(listRoute());
  mail.do.unread(all.slice(Math.max(0, from)).map((e) => e.id));
}

function sight({ mail, email, shared, element }: MessageContext): MenuItem[] {
  const junk = mail.mailboxByRole("junk");
  const inJunk = !!junk && !!email.mailboxIds?.[junk.id];
  const about = (page: "original" | "why") => () => {
    shared.about.value = { page, email };
  };
  return [
    { id: "print", text: t("conversation.print"), icon: "print", divider: true, do: () => printElement(element()) },
    { id: "original", text: t("conversation.original"), icon: "code", do: about("original") },
    { id: "why", text: t(inJunk ? "conversation.whyJunk" : "conversation.why"), icon: "info", do: about("why") },
  ];
}

function sender({ mail, email }: MessageContext): MenuItem[] {
  const from = email.from?.[0];
  if (!from || isMine(mail, from)) return [];
  const name = nameOf(from);
  const contact = mail.contacts.byEmail(from.email);
  const items: MenuItem[] = [];
  if (isFromList(email)) {
    items.push({
      id: "unsubscribe",
      text: t("conversation.unsubscribe"),
      icon: "unsubscribe",
      do: () => void leaveList(mail, email),
    });
  }
  if (!contact?.isAccepted && !contact?.isBlocked) {
    items.push({
      id: "add",
      text: t("conversation.addContact", { name }),
      icon: "personPlus",
      do: () => void change(mail, from, { isAccepted: true }, t("conversation.added", { name })),
    });
  }
  const blocked = contact?.isBlocked ?? false;
  items.push({
    id: "block",
    text: t(blocked ? "conversation.unblock" : "conversation.block", { name }),
    icon: "ban",
    danger: !blocked,
    do: () =>
      void change(
        mail,
        from,
        { isBlocked: !blocked },
        t(blocked ? "conversation.unblocked" : "conversation.blocked", { name }),
      ),
  });
  return items.map((item, i) => (i === 0 ? { ...item, divider: true } : item));
}

async function change(
  mail: Mail,
  who: EmailAddress,
  what: { isAccepted?: boolean; isBlocked?: boolean },
  told: string,
): Promise<void> {
  try {
    const contact = mail.contacts.byEmail(who.email);
    if (contact) await mail.contacts.update(contact.id, what);
    else await mail.contacts.create({ email: who.email, ...(who.name && { name: who.name }), ...what });
    toast({ text: told });
  } catch (e) {
    toast({ text: say(troubleOf(e)), kind: "error" });
  }
}

/** What a list has sent says how one leaves it (RFC 2369). */
export function isFromList(email: Email): boolean {
  const ways = email["header:List-Unsubscribe:asURLs"];
  return Array.isArray(ways) && ways.length > 0;
}
