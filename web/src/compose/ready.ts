// What is asked before a message goes.
import { t } from "../i18n";
import { number } from "../i18n/format";
import { capability } from "../jmap/types";
import { ask, toast } from "../ui";
import { type Composition, mentionsAttachment, obstacle } from "./composition";
import type { Desk } from "./desk";
import { htmlToText } from "./text";

/** Recipients that a message may have, where the server says so (RFC 9422: RCPTMAX). */
export function maxRecipients(desk: Desk): number {
  const submission = desk.mail.capabilities[capability.submission] as
    | { submissionExtensions?: Record<string, string[]> }
    | undefined;
  const limit = submission?.submissionExtensions?.LIMITS?.find((l) => l.startsWith("RCPTMAX="));
  return limit ? Number(limit.slice("RCPTMAX=".length)) : Number.POSITIVE_INFINITY;
}

/** Whether a message may go as it is; the user is told, or asked, what is the matter with it. */
export async function ready(of: Composition, desk: Desk): Promise<boolean> {
  const d = of.draft.value;
  const stands = obstacle(d, maxRecipients(desk));
  if (stands) {
    const holes: Record<string, string | number> =
      stands.is === "many" ? { n: stands.n, max: number(stands.max) } : stands.is === "wrong" ? { n: stands.n } : {};
    toast({ text: t(`compose.obstacle.${stands.is}`, holes), kind: "error" });
    return false;
  }
  const text = d.rich ? htmlToText(d.html) : d.text.replace(/^>.*$/gm, "");
  if (mentionsAttachment(d, `${d.subject}\n${text}`) && !(await asked("attachment"))) return false;
  return !!d.subject.trim() || asked("subject");
}

function asked(what: "attachment" | "subject"): Promise<boolean> {
  return ask({
    title: t(`compose.ask.${what}`),
    body: t(`compose.askBody.${what}`),
    confirm: t("compose.sendAnyway"),
    cancel: t("compose.back"),
  });
}
