import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n";
import { dateTime } from "../../i18n/format";
import type { EmailHeader } from "../../jmap";
import { say, type Trouble, troubleOf, useMail } from "../../model";
import { Dialog, Icon, type IconName, Spinner } from "../../ui";
import { useShared } from "../context";
import { headersOf } from "../original/headers";
import { mine } from "../people";
import { type Fact, reasons } from "./why";
import css from "./why.module.css";

const icons: Record<Fact["kind"], IconName> = { good: "check", bad: "warning", plain: "info" };

/** Says why a message is where it is. */
export function WhyDialog() {
  const { about } = useShared();
  const mail = useMail();
  const email = about.value?.email;
  const [headers, setHeaders] = useState<readonly EmailHeader[] | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  useEffect(() => {
    if (email) headersOf(mail, email).then(setHeaders, (e) => setTrouble(troubleOf(e)));
  }, [email?.id]);
  if (!email) return null;
  const boxes = mail.mailboxes.value.filter((m) => email.mailboxIds?.[m.id]);
  const inJunk = boxes.some((m) => m.role === "junk");
  const until = mail.snoozes.of(email.id).value?.until;
  const from = email.from?.[0];
  const facts =
    headers &&
    reasons({
      email,
      headers,
      mine: mine(mail),
      contact: from && mail.contacts.byEmail(from.email),
      folders: boxes.map((m) => m.name),
      inJunk,
      snoozedUntil: until && dateTime(new Date(until)),
    });
  const close = () => {
    about.value = undefined;
  };
  return (
    <Dialog title={t(inJunk ? "conversation.whyJunk" : "conversation.why")} close={close}>
      {trouble && <p>{say(trouble)}</p>}
      {!facts && !trouble && <Spinner label={t("conversation.loading")} />}
      <ul class={css.facts} translate={false}>
        {facts?.map((f, i) => (
          <li key={i} data-kind={f.kind}>
            <Icon name={icons[f.kind]} size={18} />
            <span dir="auto">{t(f.key, f.holes)}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
