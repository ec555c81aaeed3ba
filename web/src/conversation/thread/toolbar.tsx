import { useState } from "preact/hooks";
import { act } from "../../app/ports";
import { go, listRoute } from "../../app/route";
import { t } from "../../i18n";
import type { Email, Id } from "../../jmap";
import type { Conversation, Mail } from "../../model";
import { useMail } from "../../model";
import { below, IconButton, Menu, type MenuItem, type Shortcut, useShortcuts } from "../../ui";
import { printOpened } from "../print";
import css from "./view.module.css";

interface Props {
  conversation: Conversation;
  threadId: Id;
  /** The element that is printed: the whole conversation. */
  element: () => HTMLElement | null;
  /** Goes to the message after or before the one that has the focus. */
  step: (by: 1 | -1) => void;
  current: () => Email | undefined;
  expandAll: () => void;
}

type Place = { x: number; y: number };

/** What is done with the whole conversation, and its keys. */
export function Toolbar(props: Props) {
  const mail = useMail();
  const [menu, setMenu] = useState<Place | null>(null);
  const deeds = deedsOf(mail, props);
  useShortcuts("conversation.room", shortcuts(deeds, props));
  const { inJunk } = deeds;
  return (
    <div class={css.toolbar} role="toolbar" aria-label={t("conversation.toolbar")} data-noprint>
      <IconButton icon="arrowLeft" class={css.back!} label={t("conversation.back")} keys="u" onClick={deeds.leave} />
      <IconButton icon="archive" label={t("conversation.archive")} keys="e" onClick={deeds.archive} />
      <IconButton icon="trash" label={t("conversation.delete")} keys="#" onClick={deeds.trash} />
      <IconButton
        icon={inJunk ? "inbox" : "junk"}
        label={t(inJunk ? "conversation.notJunk" : "conversation.junk")}
        keys="!"
        onClick={deeds.junk}
      />
      <span class={css.parting} />
      <IconButton icon="mail" label={t("conversation.unread")} keys="Shift+U" onClick={deeds.unread} />
      <IconButton
        icon="snooze"
        label={t("conversation.snooze")}
        keys="b"
        onClick={(e) => deeds.snooze(below(e.currentTarget))}
      />
      <IconButton
        icon="move"
        label={t("conversation.move")}
        keys="v"
        class={css.wide!}
        onClick={(e) => deeds.move(below(e.currentTarget))}
      />
      <IconButton
        icon="label"
        label={t("conversation.label")}
        keys="l"
        class={css.wide!}
        onClick={(e) => deeds.label(below(e.currentTarget))}
      />
      <IconButton
        icon="more"
        label={t("conversation.more")}
        keys="."
        aria-haspopup="menu"
        onClick={(e) => setMenu(below(e.currentTarget))}
      />
      <span class={css.space} />
      <Neighbours threadId={props.threadId} />
      {menu && (
        <Menu label={t("conversation.more")} at={menu} items={items(deeds, menu, props)} close={() => setMenu(null)} />
      )}
    </div>
  );
}

function Neighbours({ threadId }: { threadId: Id }) {
  const beside = act("neighbours")(threadId) as { next: Id | null; previous: Id | null } | undefined;
  if (!beside) return null;
  const open = (thread: Id | null) => () => void (thread && go({ ...listRoute(), thread }, "replace"));
  return (
    <>
      <IconButton
        icon="chevronUp"
        class={css.wide!}
        label={t("conversation.previous")}
        keys="k"
        disabled={!beside.previous}
        onClick={open(beside.previous)}
      />
      <IconButton
        icon="chevronDown"
        class={css.wide!}
        label={t("conversation.next")}
        keys="j"
        disabled={!beside.next}
        onClick={open(beside.next)}
      />
    </>
  );
}

type Deeds = ReturnType<typeof deedsOf>;

function deedsOf(mail: Mail, { conversation, threadId }: Props) {
  const emails = conversation.emails.value;
  const ids = emails.filter((e) => !e.keywords?.$draft).map((e) => e.id);
  const all = ids.length > 0 ? ids : emails.map((e) => e.id);
  const junk = mail.mailboxByRole("junk");
  const inJunk = !!junk && emails.some((e) => e.mailboxIds?.[junk.id]);
  const muted = emails.some((e) => e.keywords?.$muted);
  const starred = emails.some((e) => e.keywords?.$flagged);
  const leave = () => {
    go(listRoute());
    // Who uses the keyboard goes on where the conversation was opened.
    requestAnimationFrame(() => document.querySelector<HTMLElement>('#list [tabindex="0"]')?.focus());
  };
  const then = (what: (ids: readonly Id[]) => unknown) => () => {
    leave();
    what(all);
  };
  const beside = (by: "next" | "previous") => () => {
    const thread = (act("neighbours")(threadId) as { next: Id | null; previous: Id | null } | undefined)?.[by];
    if (thread) go({ ...listRoute(), thread }, "replace");
  };
  return {
    inJunk,
    muted,
    starred,
    leave,
    archive: then((i) => mail.do.archive(i)),
    trash: then((i) => mail.do.trash(i)),
    junk: then((i) => (inJunk ? mail.do.notJunk(i) : mail.do.junk(i))),
    unread: then((i) => mail.do.unread(i.slice(-1))),
    snooze: (at: Place) => act("chooseSnooze")(all, at, leave),
    move: (at: Place) => act("chooseMailbox")(all, at, leave),
    label: (at: Place) => act("chooseLabels")(all, at),
    mute: () => void (muted ? mail.do.unmuteThread(threadId) : mail.do.muteThread(threadId)),
    star: () => {
      const newest = all.at(-1);
      if (starred) mail.do.unstar(emails.filter((e) => e.keywords?.$flagged).map((e) => e.id));
      else if (newest) mail.do.star([newest]);
    },
    next: beside("next"),
    previous: beside("previous"),
  };
}

function items(deeds: Deeds, at: Place, { element, expandAll }: Props): MenuItem[] {
  const printAll = printer(element, expandAll);
  return [
    {
      id: "star",
      text: t(deeds.starred ? "conversation.unstar" : "conversation.star"),
      icon: "star",
      hint: "s",
      do: deeds.star,
    },
    { id: "move", text: t("conversation.move"), icon: "move", hint: "v", do: () => deeds.move(at) },
    { id: "label", text: t("conversation.label"), icon: "label", hint: "l", do: () => deeds.label(at) },
    {
      id: "mute",
      text: t(deeds.muted ? "conversation.unmute" : "conversation.mute"),
      icon: "mute",
      hint: "m",
      do: deeds.mute,
    },
    { id: "expand", text: t("conversation.expandAll"), icon: "expand", divider: true, do: expandAll },
    { id: "print", text: t("conversation.printAll"), icon: "print", do: printAll },
  ];
}

function printer(element: Props["element"], expandAll: () => void): () => void {
  return () => {
    expandAll();
    void printOpened(element());
  };
}

function shortcuts(deeds: Deeds, { step, current, element, expandAll }: Props): Shortcut[] {
  const printAll = printer(element, expandAll);
  const middle = () => {
    const box = element()?.getBoundingClientRect();
    return { x: (box?.left ?? 0) + 16, y: Math.max(60, box?.top ?? 60) + 8 };
  };
  const compose = (kind: "reply" | "replyAll" | "forward") => () => {
    const email = current();
    if (email) act("compose")({ kind, emailId: email.id });
  };
  return [
    { keys: "u", text: "conversation.back", do: deeds.leave },
    { keys: "Escape", text: "conversation.back", do: deeds.leave },
    { keys: "e", text: "conversation.archive", do: deeds.archive },
    { keys: "#", text: "conversation.delete", do: deeds.trash },
    { keys: "!", text: deeds.inJunk ? "conversation.notJunk" : "conversation.junk", do: deeds.junk },
    { keys: "s", text: "conversation.star", do: deeds.star },
    { keys: "m", text: "conversation.mute", do: deeds.mute },
    { keys: "b", text: "conversation.snooze", do: () => deeds.snooze(middle()) },
    { keys: "v", text: "conversation.move", do: () => deeds.move(middle()) },
    { keys: "l", text: "conversation.label", do: () => deeds.label(middle()) },
    { keys: "Shift+U", text: "conversation.unread", do: deeds.unread },
    { keys: "r", text: "conversation.reply", do: compose("reply") },
    { keys: "a", text: "conversation.replyAll", do: compose("replyAll") },
    { keys: "f", text: "conversation.forward", do: compose("forward") },
    { keys: "n", text: "conversation.nextMessage", do: () => step(1) },
    { keys: "p", text: "conversation.previousMessage", do: () => step(-1) },
    { keys: "j", text: "conversation.next", do: deeds.next },
    { keys: "k", text: "conversation.previous", do: deeds.previous },
    { keys: "Mod+p", text: "conversation.printAll", do: printAll },
  ];
}
