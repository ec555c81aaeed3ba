import { type Signal, signal, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { act } from "../app/ports";
import { t } from "../i18n";
import { list, number } from "../i18n/format";
import type { Email, EmailAddress, Id } from "../jmap/types";
import { type Mail, troubleOf, useMail } from "../model";
import { IconButton, toast } from "../ui";
import { live } from "./live";
import css from "./live.module.css";
import { nameOf } from "./people";
import { Picker } from "./picker";
import { audience, body, type Chip, type Sorted, sort } from "./reaction";

const none: Sorted = { chips: new Map(), folded: new Set() };
const sorted = new WeakMap<readonly Email[], Sorted>();

/** What of a conversation is a reaction. Asked for often and with the same emails. */
export function sortOnce(emails: readonly Email[]): Sorted {
  if (emails.length < 2) return none;
  let known = sorted.get(emails);
  if (!known) {
    known = sort(emails);
    sorted.set(emails, known);
  }
  return known;
}

/** Reactions on their way, by the email that they belong to: shown at once, and gone when the mail is there. */
const pending = new Map<Id, Signal<readonly string[]>>();

function pendingOf(id: Id): Signal<readonly string[]> {
  let of = pending.get(id);
  if (!of) {
    of = signal<readonly string[]>([]);
    pending.set(id, of);
  }
  return of;
}

/** The email of a conversation that is shown; reactions belong to no others. */
function useShown(emailId: Id): { email: Email; emails: readonly Email[] } | null {
  const mail = useMail();
  const threadId = mail.email(emailId).value?.threadId;
  const emails = threadId ? mail.conversation(threadId).emails.value : [];
  const email = emails.find((e) => e.id === emailId);
  return email && !email.keywords?.$draft ? { email, emails } : null;
}

/** The reactions to a message: nothing where there are none. */
export function Reactions({ emailId }: { emailId: Id }) {
  const mail = useMail();
  const shown = useShown(emailId);
  const waits = pendingOf(emailId).value;
  if (!shown) return null;
  const own = live.value?.own.value ?? new Set<string>();
  const chips = withPending(sortOnce(shown.emails).chips.get(emailId) ?? [], waits, mail.login, own);
  if (chips.length === 0) return null;
  return (
    <fieldset class={css.reactions} aria-label={t("live.reactions.of")}>
      {chips.map((c) => (
        <OneChip key={c.emoji} chip={c} own={own} react={() => void react(mail, shown.email, c.emoji)} />
      ))}
    </fieldset>
  );
}

/** The button to react to a message with, and what opens from it. */
export function React({ emailId }: { emailId: Id }) {
  const mail = useMail();
  const shown = useShown(emailId);
  const choosing = useSignal(false);
  const button = useRef<HTMLSpanElement>(null);
  if (!shown) return null;
  const choose = (emoji: string) => {
    choosing.value = false;
    void react(mail, shown.email, emoji);
  };
  return (
    <span ref={button} class={css.reactButton}>
      <IconButton
        icon="smile"
        label={t("live.reactions.add")}
        aria-expanded={choosing.value}
        aria-haspopup="dialog"
        onClick={() => (choosing.value = !choosing.value)}
      />
      {choosing.value && <Picker beside={button.current!} choose={choose} close={() => (choosing.value = false)} />}
    </span>
  );
}

interface ShownChip extends Chip {
  isPending: boolean;
}

function withPending(
  chips: readonly Chip[],
  waits: readonly string[],
  login: string,
  own: ReadonlySet<string>,
): ShownChip[] {
  const mine = (c: Chip) => c.by.some((a) => own.has(a.email.toLowerCase()));
  const me: EmailAddress = { name: null, email: login };
  const all: ShownChip[] = chips.map((c) =>
    waits.includes(c.emoji) && !mine(c) ? { ...c, by: [...c.by, me], isPending: true } : { ...c, isPending: false },
  );
  for (const emoji of waits) if (!all.some((c) => c.emoji === emoji)) all.push({ emoji, by: [me], isPending: true });
  return all;
}

function OneChip({ chip, own, react }: { chip: ShownChip; own: ReadonlySet<string>; react: () => void }) {
  const mail = useMail();
  const mine = chip.by.some((a) => own.has(a.email.toLowerCase()));
  const names = list(
    chip.by.map((a) =>
      own.has(a.email.toLowerCase()) ? t("live.reactions.you") : a.name?.trim() || nameOf(mail, a.email),
    ),
  );
  const label = t("live.reactions.chip", { emoji: chip.emoji, names });
  return (
    <button
      type="button"
      class={css.chip}
      aria-pressed={mine}
      aria-label={label}
      title={names}
      data-pending={chip.isPending || undefined}
      onClick={() => !mine && react()}
      translate={false}
    >
      <span>{chip.emoji}</span>
      {chip.by.length > 1 && <span>{number(chip.by.length)}</span>}
    </button>
  );
}

/** Sends a reaction: shown at once; taken away again, with a way to repeat it, where it cannot be sent. What was said already is not said again. */
export async function react(mail: Mail, email: Email, emoji: string): Promise<void> {
  const own = live.peek()?.own.peek() ?? new Set([mail.login.toLowerCase()]);
  const waits = pendingOf(email.id);
  const before = sortOnce(mail.conversation(email.threadId!).emails.peek()).chips.get(email.id) ?? [];
  const said = before.some((c) => c.emoji === emoji && c.by.some((a) => own.has(a.email.toLowerCase())));
  if (said || waits.peek().includes(emoji)) return;
  waits.value = [...waits.peek(), emoji];
  try {
    const subject = email.subject ?? "";
    await act("send")({
      ...audience(email, own),
      subject: /^re:/i.test(subject) ? subject : t("live.reactions.subject", { subject }),
      answers: email.id,
      ...body(emoji),
    });
  } catch (cause) {
    waits.value = waits.peek().filter((e) => e !== emoji);
    const { key, holes } = troubleOf(cause);
    toast({
      kind: "error",
      text: `${t("live.reactions.failed", { emoji })} ${t(key, holes)}`,
      action: { text: t("live.reactions.again"), do: () => void react(mail, email, emoji) },
    });
    return;
  }
  forgetWhenThere(mail, email, emoji);
}

/** The chip of the sent mail takes the place of the one that was shown before it: when the mail is there. */
function forgetWhenThere(mail: Mail, email: Email, emoji: string): void {
  const waits = pendingOf(email.id);
  const own = live.peek()?.own.peek() ?? new Set([mail.login.toLowerCase()]);
  const { emails } = mail.conversation(email.threadId!);
  const isThere = () =>
    sortOnce(emails.value)
      .chips.get(email.id)
      ?.some((c) => c.emoji === emoji && c.by.some((a) => own.has(a.email.toLowerCase())));
  const done = () => {
    waits.value = waits.peek().filter((e) => e !== emoji);
  };
  const stop = emails.subscribe(() => {
    if (!isThere()) return;
    queueMicrotask(() => {
      stop();
      done();
    });
  });
  // Where no copy is kept in the conversation it stays shown until the page is closed: it was sent.
}
