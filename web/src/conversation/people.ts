// How people are called in a conversation.
import { t } from "../i18n";
import { list } from "../i18n/format";
import type { Email, EmailAddress } from "../jmap";
import type { Mail } from "../model";
import { shownName } from "../safe";

export function nameOf(a: EmailAddress | undefined): string {
  return (a && shownName(a)) || t("conversation.unknownSender");
}

/** As one calls people one writes to: by the first of their names. */
export function shortName(a: EmailAddress): string {
  const name = shownName(a);
  if (name === a.email) return a.name?.trim() ? name : name.split("@")[0] || name;
  return name.includes(",") || name.includes("@") ? name : (name.split(/\s+/)[0] ?? name);
}

/** All addresses of the account, in lower case. */
export function mine(mail: Mail): ReadonlySet<string> {
  return new Set([mail.login, ...mail.identities.value.map((i) => i.email)].map((e) => e.toLowerCase()));
}

export function isMine(mail: Mail, a: EmailAddress | undefined): boolean {
  return a !== undefined && mine(mail).has(a.email.toLowerCase());
}

export function recipients(email: Email): readonly EmailAddress[] {
  return [...(email.to ?? []), ...(email.cc ?? []), ...(email.bcc ?? [])];
}

/** "to me, Ann and 3 others". */
export function recipientLine(mail: Mail, email: Email): string {
  const all = recipients(email);
  if (all.length === 0) return t("conversation.to", { names: t("conversation.nobody") });
  const own = mine(mail);
  const first = all
    .slice(0, 200)
    .toSorted((a, b) => Number(own.has(b.email.toLowerCase())) - Number(own.has(a.email.toLowerCase())));
  const names = first.slice(0, 3).map((a) => (own.has(a.email.toLowerCase()) ? t("conversation.me") : shortName(a)));
  const rest = all.length - names.length;
  const joined = rest > 0 ? t("conversation.others", { names: names.join(", "), n: rest }) : list(names);
  return t("conversation.to", { names: joined });
}
