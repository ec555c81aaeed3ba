import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { act, Slot } from "../../app/ports";
import { go, listRoute, route } from "../../app/route";
import { t } from "../../i18n";
import type { Email, Id, Mailbox } from "../../jmap";
import { type Conversation, say, useMail } from "../../model";
import { Button, Icon, IconButton, later, Spinner } from "../../ui";
import { type Shared, SharedContext } from "../context";
import { Hint } from "./hint";
import { Message } from "./message";
import { type Folded, fold, openAsTheyCome, openAtFirst, step } from "./opening";
import { Toolbar } from "./toolbar";
import css from "./view.module.css";

const Lightbox = later(() => import("../attachments/lightbox").then((m) => m.Lightbox));
const Original = later(() => import("../original/original").then((m) => m.Original));
const Why = later(() => import("../why/dialog").then((m) => m.WhyDialog));

/** A conversation, as the list opens it. The app gives each thread a view of its own (key). */
export function ConversationView({ threadId }: { threadId: Id }) {
  const mail = useMail();
  const conversation = mail.conversation(threadId);
  const shared: Shared = { hint: useSignal(), looking: useSignal(), about: useSignal() };
  const all = conversation.emails.value;
  const folded = act("folded")(all) as ReadonlySet<Id> | undefined;
  const emails = useMemo(() => (folded?.size ? all.filter((e) => !folded.has(e.id)) : all), [all, folded]);
  return (
    <SharedContext.Provider value={shared}>
      {emails.length > 0 ? (
        <Thread threadId={threadId} conversation={conversation} emails={emails} />
      ) : (
        <Missing conversation={conversation} />
      )}
      <Hint />
      {shared.looking.value && <Lightbox />}
      {shared.about.value?.page === "original" && <Original />}
      {shared.about.value?.page === "why" && <Why />}
    </SharedContext.Provider>
  );
}

function Missing({ conversation }: { conversation: Conversation }) {
  const state = conversation.state.value;
  const trouble = conversation.trouble.value;
  const leave = () => go(listRoute());
  return (
    <div class={css.view}>
      <div class={css.toolbar}>
        <IconButton icon="arrowLeft" class={css.back!} label={t("conversation.back")} onClick={leave} />
      </div>
      <div class={css.missing}>
        {state === "loading" && <Spinner label={t("conversation.loading")} />}
        {state === "gone" && <p>{t("conversation.gone")}</p>}
        {state === "failed" && (
          <>
            <p>{trouble && say(trouble)}</p>
            <Button icon="refresh" onClick={() => conversation.retry()}>
              {t("conversation.retry")}
            </Button>
          </>
        )}
      </div>
    </div>
  );
}

interface ThreadProps {
  threadId: Id;
  conversation: Conversation;
  emails: readonly Email[];
}

function Thread({ threadId, conversation, emails }: ThreadProps) {
  const element = useRef<HTMLDivElement>(null);
  const { open, toggle, expandAll } = useOpen(emails);
  const [revealed, setRevealed] = useState(0);
  const newest = emails.at(-1)!;
  const shown = fold(emails, open, revealed);
  useReading(conversation, newest.id);
  useEffect(() => {
    const at = element.current?.querySelector(`[data-message="${CSS.escape(firstOpen(emails, open)?.id ?? "")}"]`);
    if (at && emails.length > 1) at.scrollIntoView({ block: "start" });
  }, []);
  const focused = () => emails.find((e) => e.id === messageOfFocus(element.current)?.dataset.message);
  const item = (email: Email) => (
    <Message
      key={email.id}
      email={email}
      conversation={conversation}
      open={open.has(email.id)}
      toggle={() => toggle(email.id)}
      first={email.id === newest.id}
    />
  );
  return (
    <div class={css.view}>
      <Toolbar
        conversation={conversation}
        threadId={threadId}
        element={() => element.current}
        step={(by) => stepTo(element.current, by)}
        current={() => focused() ?? newest}
        expandAll={expandAll}
      />
      <div ref={element} class={css.thread}>
        <Subject emails={emails} />
        <div class={css.messages}>
          {shown.before.map(item)}
          {shown.hidden > 0 && <Fold folded={shown} reveal={() => setRevealed(revealed + step)} />}
          {shown.after.map(item)}
        </div>
        <div data-noprint>
          <Slot name="Pending" threadId={threadId} />
        </div>
      </div>
      <footer class={css.foot} data-noprint>
        <div class={css.typing}>
          <Slot name="TypingLine" threadId={threadId} />
        </div>
        <div class={css.footRow}>
          <div class={css.quick}>
            <Slot name="QuickReply" threadId={threadId} />
          </div>
          <Answers newest={newest} />
        </div>
      </footer>
    </div>
  );
}

function Fold({ folded, reveal }: { folded: Folded; reveal: () => void }) {
  return (
    <button type="button" class={css.fold} onClick={reveal}>
      <span>{t("conversation.older", { n: folded.hidden })}</span>
    </button>
  );
}

/** Answers that are written in the composer, beside the line for quick ones. */
function Answers({ newest }: { newest: Email }) {
  if (newest.keywords?.$draft) return null;
  const several = (newest.to?.length ?? 0) + (newest.cc?.length ?? 0) > 1;
  const compose = (kind: "reply" | "replyAll" | "forward") => () => act("compose")({ kind, emailId: newest.id });
  return (
    <div class={css.answers}>
      <IconButton icon="reply" label={t("conversation.reply")} keys="r" onClick={compose("reply")} />
      {several && (
        <IconButton icon="replyAll" label={t("conversation.replyAll")} keys="a" onClick={compose("replyAll")} />
      )}
      <IconButton icon="forward" label={t("conversation.forward")} keys="f" onClick={compose("forward")} />
    </div>
  );
}

function Subject({ emails }: { emails: readonly Email[] }) {
  const mail = useMail();
  const first = emails[0];
  const shown =
    route.value.view === "mailbox" ? (mail.mailboxByRole(route.value.box as never)?.id ?? route.value.box) : "";
  const ids = new Set(emails.flatMap((e) => Object.keys(e.mailboxIds ?? {})));
  const labels = mail.mailboxes.value.filter(
    (m) => ids.has(m.id) && m.id !== shown && m.role !== "drafts" && m.role !== "sent",
  );
  const muted = emails.some((e) => e.keywords?.$muted);
  return (
    <header class={css.subject}>
      <h1 translate={false} dir="auto">
        {first?.subject || t("conversation.noSubject")}
      </h1>
      {labels.map((m) => (
        <Label key={m.id} mailbox={m} emails={emails} />
      ))}
      {muted && (
        <span class={css.label} title={t("conversation.muted")}>
          <Icon name="bellOff" size={14} />
        </span>
      )}
    </header>
  );
}

function Label({ mailbox, emails }: { mailbox: Mailbox; emails: readonly Email[] }) {
  const mail = useMail();
  const there = emails.filter((e) => e.mailboxIds?.[mailbox.id]);
  const removable = mailbox.role === null && there.every((e) => Object.keys(e.mailboxIds ?? {}).length > 1);
  return (
    <span class={css.label}>
      <span translate={false}>{mailbox.name}</span>
      {removable && (
        <button
          type="button"
          class={css.labelRemove}
          data-noprint
          aria-label={t("conversation.inFolder", { name: mailbox.name })}
          onClick={() =>
            void mail.do.removeFrom(
              there.map((e) => e.id),
              mailbox.id,
            )
          }
        >
          <Icon name="close" size={12} />
        </button>
      )}
    </span>
  );
}

/** Which messages are open: those that are at first, those that came since, and what the reader opens and closes. */
function useOpen(emails: readonly Email[]) {
  const [open, setOpen] = useState(() => openAtFirst(emails));
  const known = useRef(new Set(emails.map((e) => e.id)));
  useEffect(() => {
    const came = openAsTheyCome(emails, known.current);
    for (const e of emails) known.current.add(e.id);
    if (came.length > 0) setOpen((before) => new Set([...before, ...came.slice(-20)]));
  }, [emails]);
  const toggle = (id: Id) =>
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  return { open, toggle, expandAll: () => setOpen(new Set(emails.slice(-100).map((e) => e.id))) };
}

/** Tells the model and who else wants to know that the newest message is in sight. */
function useReading(conversation: Conversation, newest: Id): void {
  useEffect(() => {
    const look = () => {
      const visible = document.visibilityState === "visible";
      if (visible) conversation.shown();
      act("reading")(visible ? newest : null);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      act("reading")(null);
    };
  }, [conversation, newest]);
}

function firstOpen(emails: readonly Email[], open: ReadonlySet<Id>): Email | undefined {
  return emails.find((e) => open.has(e.id));
}

function messageOfFocus(thread: HTMLElement | null): HTMLElement | null {
  const active = document.activeElement;
  return thread?.contains(active) ? (active?.closest<HTMLElement>("[data-message]") ?? null) : null;
}

function stepTo(thread: HTMLElement | null, by: 1 | -1): void {
  const all = [...(thread?.querySelectorAll<HTMLElement>("[data-message]") ?? [])];
  const here = messageOfFocus(thread);
  const to = all[here ? all.indexOf(here) + by : by > 0 ? 0 : all.length - 1];
  to?.querySelector<HTMLElement>("h2, button")?.focus({ preventScroll: true });
  to?.scrollIntoView({ block: "nearest" });
}
