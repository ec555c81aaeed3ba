// Leaves a mailing list, by the best way that the message offers (docs/jmap-mail.md).
import { act } from "../../app/ports";
import { t } from "../../i18n";
import { capability, type Email, type GetResponse, MethodError, type Unsubscribe } from "../../jmap";
import { type Mail, say, troubleOf } from "../../model";
import { ask, toast } from "../../ui";

export async function leaveList(mail: Mail, email: Email): Promise<void> {
  try {
    if (!mail.has(capability.unsubscribe)) return;
    const { accountId } = mail;
    const answer = await mail.connection.call<GetResponse<Unsubscribe>>("Unsubscribe/get", {
      accountId,
      ids: [email.id],
    });
    const ways = answer.list[0];
    if (ways?.oneClick && (await byPost(mail, email))) return;
    if (ways?.page) await byPage(ways.page);
    else if (ways?.mail) await byMail(ways.mail);
    else if (!ways?.oneClick) toast({ text: t("conversation.unsubscribeNone") });
  } catch (e) {
    toast({ text: say(troubleOf(e)), kind: "error" });
  }
}

/** RFC 8058 3.2: it is done when the user has said so, and never otherwise. False: another way is left. */
async function byPost(mail: Mail, email: Email): Promise<boolean> {
  const title = t("conversation.unsubscribeQuestion");
  if (!(await ask({ title, body: t("conversation.unsubscribeOneClick"), confirm: t("conversation.unsubscribe") })))
    return true;
  try {
    await mail.connection.call("Unsubscribe/send", { accountId: mail.accountId, id: email.id });
    toast({ text: t("conversation.unsubscribed") });
    return true;
  } catch (e) {
    if (e instanceof MethodError && (e.type === "noOneClick" || e.type === "unsubscribeFailed")) return false;
    throw e;
  }
}

async function byPage(page: string): Promise<void> {
  const url = new URL(page);
  if (url.protocol !== "https:" && url.protocol !== "http:") return;
  const body = t("conversation.unsubscribePage", { host: url.host });
  const yes = await ask({
    title: t("conversation.unsubscribeQuestion"),
    body,
    confirm: t("conversation.unsubscribeOpen"),
  });
  if (yes) window.open(url.href, "_blank", "noopener,noreferrer");
}

async function byMail(mailto: string): Promise<void> {
  const url = new URL(mailto);
  if (url.protocol !== "mailto:") return;
  const body = t("conversation.unsubscribeMail", { email: decodeURIComponent(url.pathname) });
  const yes = await ask({
    title: t("conversation.unsubscribeQuestion"),
    body,
    confirm: t("conversation.unsubscribeWrite"),
  });
  if (yes) act("compose")({ kind: "mailto", uri: url.href });
}
