// Who is there, and who is writing.
import { useSignalEffect } from "@preact/signals";
import { t } from "../i18n";
import type { Id } from "../jmap/types";
import { type Mail, useMail } from "../model";
import type { Doing } from "./hearing";
import { live } from "./live";
import css from "./live.module.css";

/** How a person is called: by the name that the user or messages give, or by the address. In a line of text the first name does. */
export function nameOf(mail: Mail, email: string): string {
  const name = mail.contacts.byEmail(email)?.name.trim();
  return name || email;
}

function firstName(mail: Mail, email: string): string {
  const name = nameOf(mail, email);
  return name === email ? (email.split("@")[0] ?? email) : (name.split(/\s+/)[0] ?? name);
}

function Dots({ still = false }: { still?: boolean }) {
  return (
    <span class={css.dots} data-still={still || undefined} aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}

/** Who writes in a thread: in the conversation as a sentence, in a row of the list in a word. */
export function TypingLine({ threadId, short = false }: { threadId: Id; short?: boolean }) {
  const now = live.value;
  if (!now) return null;
  const doing = now.hearing.in(threadId).value;
  if (short) {
    if (!doing.some((d) => d.state === "composing")) return null;
    return (
      <span class={css.typingShort}>
        <Dots />
        {t("live.typing.short")}
      </span>
    );
  }
  return <Sentence threadId={threadId} doing={doing} />;
}

function Sentence({ threadId, doing }: { threadId: Id; doing: readonly Doing[] }) {
  const mail = useMail();
  // A message is its own end of writing, whatever became of the signal that says so.
  useSignalEffect(() => {
    const from = mail.conversation(threadId).emails.value.at(-1)?.from?.[0]?.email;
    if (from) live.peek()?.hearing.arrived(threadId, from);
  });
  const composing = doing.filter((d) => d.state === "composing");
  const shown = composing[0] ?? doing[0];
  return (
    <div class={css.typing} role="status">
      {shown && (
        <>
          {shown.state !== "reading" && <Dots still={shown.state === "paused"} />}
          <span>{words(mail, shown, composing)}</span>
        </>
      )}
    </div>
  );
}

function words(mail: Mail, shown: Doing, composing: readonly Doing[]): string {
  const [one, other] = composing.map((d) => firstName(mail, d.email));
  if (composing.length > 2) return t("live.typing.composing.many", { n: composing.length });
  if (one && other) return t("live.typing.composing.two", { name: one, other });
  if (one) return t("live.typing.composing.one", { name: one });
  const name = firstName(mail, shown.email);
  return shown.state === "reading" ? t("live.typing.reading", { name }) : t("live.typing.paused", { name });
}

/** A dot on an avatar. Whoever it is on has to be `position: relative`. */
export function PresenceDot({ email }: { email: string }) {
  const state = live.value?.hearing.presence(email).value.state ?? "unknown";
  if (state === "unknown") return null;
  const text = t(`live.presence.${state}`);
  return <span class={css.presence} data-state={state} role="img" aria-label={text} title={text} />;
}
