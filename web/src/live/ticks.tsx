import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import type { Email, Id } from "../jmap/types";
import { useMail } from "../model";
import { Icon, type IconName } from "../ui";
import { ofKeywords, ofSubmissions, type Recipient, type State, together } from "./delivery";
import { live } from "./live";
import css from "./live.module.css";
import { StatusPanel } from "./status";

const icons: Record<State, IconName> = {
  scheduled: "calendar",
  sending: "clock",
  sent: "check",
  delivered: "checkDouble",
  read: "checkDouble",
  delayed: "refresh",
  failed: "warning",
  canceled: "ban",
};

/** The sign of a state, for who sees it, and its name for who does not. */
export function Tick({ state, label }: { state: State; label?: string }) {
  const text = label ?? t(`live.state.${state}`);
  return (
    <span class={css.tick} data-state={state} role="img" aria-label={text} title={text}>
      <Icon name={icons[state]} size={16} />
    </span>
  );
}

/** What became of a message that we have sent: a tick where there is little room, a button with words where there is more. */
export function Ticks({ emailId, long = false }: { emailId: Id; long?: boolean }) {
  const mail = useMail();
  const email = mail.email(emailId).value;
  if (!email || !live.value?.isOwn(email)) return null;
  const waiting = mail.mailboxByRole("scheduled");
  const isWaiting = waiting !== undefined && email.mailboxIds?.[waiting.id] === true;
  const state = isWaiting ? "scheduled" : ofKeywords(email.keywords ?? {});
  if (!state) return null;
  return long ? <LongTicks email={email} roughly={state} /> : <Tick state={state} />;
}

function LongTicks({ email, roughly }: { email: Email; roughly: State }) {
  const mail = useMail();
  const shown = useSignal(false);
  const newest = mail.submissions.of(email.id).value;
  const all = newest ? ofSubmissions([newest]) : [];
  // Of several submissions the newest knows of its own recipients only; the keywords are of all.
  const state =
    !newest || roughly === "failed" || roughly === "delayed" ? roughly : (together(all.map((r) => r.state)) ?? roughly);
  const text = describe(state, all);
  return (
    <>
      <button
        type="button"
        class={css.status}
        data-state={state}
        aria-label={t("live.status.open", { state: text })}
        onClick={() => (shown.value = true)}
      >
        <span class={css.tick} data-state={state}>
          <Icon name={icons[state]} size={16} />
        </span>
        <span>{text}</span>
      </button>
      {shown.value && <StatusPanel email={email} close={() => (shown.value = false)} />}
    </>
  );
}

/** The state of a message in words, with how many of its recipients it holds for where not for all. */
function describe(state: State, all: readonly Recipient[]): string {
  const n = (of: readonly State[]) => all.filter((r) => of.includes(r.state)).length;
  if (all.length > 1) {
    if (state === "failed" && n(["failed"]) > 0) return t("live.some.failed", { n: n(["failed"]) });
    if (state === "delayed" && n(["delayed"]) > 0) return t("live.some.delayed", { n: n(["delayed"]) });
    const read = n(["read"]);
    if (state !== "read" && read > 0) return t("live.some.read", { n: read, all: all.length });
    const delivered = n(["delivered"]);
    if (state !== "delivered" && delivered > 0) return t("live.some.delivered", { n: delivered, all: all.length });
  }
  return t(`live.state.${state}`);
}
