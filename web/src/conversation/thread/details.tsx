import { useState } from "preact/hooks";
import { act } from "../../app/ports";
import { t } from "../../i18n";
import { exactly, size } from "../../i18n/format";
import type { Email, EmailAddress } from "../../jmap";
import css from "./message.module.css";

/** So many addresses are shown; the rest when it is asked for, in steps: a message may have ten thousand. */
const firstShown = 20;
const step = 500;

/** Who a message is from and to, in full. */
export function Details({ email, id }: { email: Email; id: string }) {
  const sender = email.sender?.filter((s) => s.email !== email.from?.[0]?.email);
  const replyTo = email.replyTo?.filter((r) => r.email !== email.from?.[0]?.email);
  return (
    <dl class={css.details} id={id}>
      <Addresses label={t("conversation.from")} all={email.from} />
      <Addresses label={t("conversation.sender")} all={sender} />
      <Addresses label={t("conversation.replyTo")} all={replyTo} />
      <Addresses label={t("conversation.toField")} all={email.to} />
      <Addresses label={t("conversation.cc")} all={email.cc} />
      <Addresses label={t("conversation.bcc")} all={email.bcc} />
      {email.sentAt && <Row label={t("conversation.date")}>{exactly(new Date(email.sentAt))}</Row>}
      {email.receivedAt && <Row label={t("conversation.received")}>{exactly(new Date(email.receivedAt))}</Row>}
      {email.size !== undefined && <Row label={t("conversation.size")}>{size(email.size)}</Row>}
    </dl>
  );
}

function Row({ label, children }: { label: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Addresses({ label, all }: { label: string; all: readonly EmailAddress[] | null | undefined }) {
  const [most, setMost] = useState(firstShown);
  if (!all?.length) return null;
  const rest = all.length - most;
  return (
    <Row label={label}>
      <ul class={css.addresses}>
        {all.slice(0, most).map((a, i) => (
          <li key={i}>
            <button
              type="button"
              class={css.address}
              title={t("conversation.writeTo", { email: a.email })}
              onClick={() => act("compose")({ kind: "new", to: written(a) })}
              translate={false}
            >
              {a.name && <bdi>{a.name}</bdi>} <bdi class={css.email}>{a.email}</bdi>
            </button>
          </li>
        ))}
      </ul>
      {rest > 0 && (
        <button type="button" class={css.moreAddresses} onClick={() => setMost(most + step)}>
          {t("conversation.moreAddresses", { n: rest })}
        </button>
      )}
    </Row>
  );
}

// RFC 5322 3.4: a name with signs that mean something is quoted.
function written(a: EmailAddress): string {
  return a.name ? `"${a.name.replace(/["\\]/g, "\\$&")}" <${a.email}>` : a.email;
}
