import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { dateTime, exactly } from "../i18n/format";
import type { Email, EmailSubmission, GetResponse, Id, QueryResponse } from "../jmap/types";
import { type Mail, troubleOf, useMail } from "../model";
import { Avatar, Button, Dialog, Spinner, TextField, toast } from "../ui";
import { ofSubmissions, type Recipient, reason, type Step } from "./delivery";
import css from "./live.module.css";
import { again, wrongAddress } from "./resend";
import { Tick } from "./ticks";

/** All submissions of an email: the first one, and those by which it was sent to somebody again. */
async function submissionsOf(mail: Mail, emailId: Id): Promise<readonly EmailSubmission[]> {
  const found = await mail.connection.batch((b) => {
    const query = b.call<QueryResponse>("EmailSubmission/query", { filter: { emailIds: [emailId] } });
    return b.call<GetResponse<EmailSubmission>>("EmailSubmission/get", {
      "#ids": query.ref("/ids"),
      properties: ["id", "identityId", "emailId", "envelope", "sendAt", "undoStatus", "deliveryStatus", "timeline"],
    });
  });
  return found.result.list;
}

/** What became of a message: every recipient, every step, and what the servers said. It changes while one looks. */
export function StatusPanel({ email, close }: { email: Email; close: () => void }) {
  const mail = useMail();
  const all = useSignal<readonly EmailSubmission[] | "loading" | "failed">("loading");
  const newest = mail.submissions.of(email.id).value; // changes whenever something of it does
  const asked = useSignal(0);
  useEffect(() => {
    let late = false;
    submissionsOf(mail, email.id).then(
      (list) => {
        if (!late) all.value = list;
      },
      () => {
        if (!late && all.value === "loading") all.value = "failed";
      },
    );
    return () => {
      late = true;
    };
  }, [email.id, newest, asked.value]);
  const list = all.value;
  return (
    <Dialog title={t("live.status.title")} close={close}>
      {list === "loading" && <Spinner label={t("live.status.loading")} />}
      {list === "failed" && <p>{t("live.status.failedToLoad")}</p>}
      {typeof list !== "string" && list.length === 0 && <p>{t("live.status.none")}</p>}
      {typeof list !== "string" && list.length > 0 && (
        <>
          <ul class={css.recipients}>
            {ofSubmissions(list).map((r) => (
              <One
                key={r.email}
                recipient={r}
                email={email}
                submission={ofAddress(list, r.email)}
                sent={() => asked.value++}
              />
            ))}
          </ul>
          <p class={css.legend}>{t("live.status.legend")}</p>
        </>
      )}
    </Dialog>
  );
}

function ofAddress(list: readonly EmailSubmission[], address: string): EmailSubmission {
  const has = (s: EmailSubmission) =>
    Object.keys(s.timeline ?? s.deliveryStatus ?? {}).some((a) => a.toLowerCase() === address.toLowerCase());
  return list.findLast(has) ?? list[0]!;
}

interface OneProps {
  recipient: Recipient;
  email: Email;
  submission: EmailSubmission;
  sent: () => void;
}

function One({ recipient: r, email, submission, sent }: OneProps) {
  const bad = r.state === "failed" || r.state === "delayed";
  const why = bad ? reason(r.words) : undefined;
  const name = [...(email.to ?? []), ...(email.cc ?? []), ...(email.bcc ?? [])].find(
    (a) => a.email.toLowerCase() === r.email.toLowerCase(),
  )?.name;
  return (
    <li class={css.recipient}>
      <Avatar name={name ?? null} email={r.email} size={32} />
      <span class={css.address} translate={false}>
        {name ? `${name} ` : ""}
        <bdi>{r.email}</bdi>
      </span>
      <span class={css.outcome} data-state={r.state}>
        {t(`live.state.${r.state}`)}
        {r.at && (
          <>
            {" · "}
            <time dateTime={r.at.toISOString()} title={exactly(r.at)}>
              {dateTime(r.at)}
            </time>
          </>
        )}
      </span>
      <Tick state={r.state} />
      <div class={css.more}>
        {why && (
          <p class={css.reason} data-state={r.state}>
            {t(`live.reason.${why}`)}
          </p>
        )}
        {bad && r.words && (
          <div>
            <span class={css.wordsLabel}>{t("live.status.words")}</span>
            <p class={css.words} translate={false} dir="ltr">
              {r.words}
            </p>
          </div>
        )}
        {r.steps.length > 0 && <Steps steps={r.steps} />}
        {r.state === "failed" && <Retry recipient={r} submission={submission} sent={sent} />}
      </div>
    </li>
  );
}

const good = new Set(["relayed", "delivered", "displayed"]);
const bad = new Set(["failed", "expired"]);
const known = [
  "queued",
  "attempted",
  "deferred",
  "relayed",
  "delivered",
  "displayed",
  "failed",
  "expired",
  "canceled",
] as const;

function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    <details class={css.steps}>
      <summary>{t("live.status.steps")}</summary>
      <ol class={css.timeline}>
        {steps.map((s, i) => {
          const name = known.find((k) => k === s.state);
          const at = new Date(s.at);
          return (
            <li key={i} data-good={good.has(s.state) || undefined} data-bad={bad.has(s.state) || undefined}>
              <div>{name ? t(`live.step.${name}`) : <span translate={false}>{s.state}</span>}</div>
              <div class={css.when}>
                <time dateTime={s.at} title={exactly(at)}>
                  {dateTime(at)}
                </time>
                {s.by && (
                  <>
                    {" · "}
                    <span>{t("live.status.by", { server: s.by })}</span>
                  </>
                )}
              </div>
              {s.reply && (
                <div class={css.words} translate={false} dir="ltr">
                  {s.reply}
                </div>
              )}
            </li>
          );
        })}
      </ol>
    </details>
  );
}

/** Sends to a recipient again who has not got it, at another address if that one was wrong. */
function Retry({
  recipient,
  submission,
  sent,
}: {
  recipient: Recipient;
  submission: EmailSubmission;
  sent: () => void;
}) {
  const mail = useMail();
  const open = useSignal(false);
  const address = useSignal(recipient.email);
  const error = useSignal<string | null>(null);
  const busy = useSignal(false);
  if (!open.value) {
    return (
      <div>
        <Button icon="refresh" onClick={() => (open.value = true)}>
          {t("live.retry.open")}
        </Button>
      </div>
    );
  }
  const send = async (e: Event) => {
    e.preventDefault();
    const to = address.value.trim();
    error.value = wrongAddress(to) ? t("live.retry.wrong") : null;
    if (error.value || busy.value) return;
    busy.value = true;
    try {
      await again(mail, submission, to);
      open.value = false;
      toast({ text: t("live.retry.sent", { address: to }) });
      sent();
    } catch (cause) {
      const trouble = troubleOf(cause);
      error.value = trouble.key === "model.unanswered" ? t("live.retry.unknown") : t(trouble.key, trouble.holes);
    } finally {
      busy.value = false;
    }
  };
  return (
    <form class={css.retry} onSubmit={send} noValidate>
      <TextField
        label={t("live.retry.address")}
        type="email"
        dir="ltr"
        value={address.value}
        error={error.value}
        autofocus
        onInput={(v) => (address.value = v)}
      />
      <Button kind="primary" icon="send" type="submit" disabled={busy.value}>
        {t("live.retry.send")}
      </Button>
    </form>
  );
}
