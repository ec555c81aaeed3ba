import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { act, Slot } from "../../app/ports";
import { t } from "../../i18n";
import { exactly, when } from "../../i18n/format";
import type { Email } from "../../jmap";
import { type Conversation, useMail } from "../../model";
import { Avatar, Button, below, IconButton, later, Menu } from "../../ui";
import { Attachments } from "../attachments/cards";
import { Body } from "../body/body";
import { attachmentsOf, calendarOf, textOf } from "../body/parts";
import { useShared } from "../context";
import { isMine, nameOf, recipientLine } from "../people";
import { isFromList, messageMenu } from "./actions";
import { Details } from "./details";
import css from "./message.module.css";
import { leaveList } from "./unsubscribe";

const Invitation = later(() => import("../invitation/card").then((m) => m.Invitation));

interface Props {
  email: Email;
  conversation: Conversation;
  open: boolean;
  toggle: () => void;
  /** The message that has the focus when the conversation is opened. */
  first: boolean;
}

/** A message of a conversation: a line, or all of it. */
export function Message(props: Props) {
  return props.open ? <OpenMessage {...props} /> : <ClosedMessage {...props} />;
}

function ClosedMessage({ email, toggle }: Props) {
  const from = email.from?.[0];
  const unread = !email.keywords?.$seen;
  return (
    <article class={css.closed} data-message={email.id} data-unread={unread}>
      <button type="button" class={css.line} aria-expanded={false} onClick={toggle}>
        <Avatar name={from?.name} email={from?.email ?? ""} size={28} />
        <bdi class={css.name} translate={false}>
          {nameOf(from)}
        </bdi>
        <bdi class={css.preview} translate={false}>
          {email.preview}
        </bdi>
        {email.receivedAt && <Time at={email.receivedAt} />}
      </button>
    </article>
  );
}

function Time({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time class={css.time} dateTime={at} title={exactly(date)}>
      {when(date)}
    </time>
  );
}

function OpenMessage({ email, conversation, toggle, first }: Props) {
  const mail = useMail();
  const element = useRef<HTMLElement>(null);
  const id = useId();
  const text = useMemo(() => textOf(email), [email.bodyValues, email.htmlBody, email.textBody]);
  const attachments = useMemo(() => attachmentsOf(email, text), [email.attachments, email.htmlBody, text]);
  const calendar = calendarOf(email);
  const own = isMine(mail, email.from?.[0]);
  useEffect(() => {
    if (first) element.current?.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
  }, []);
  return (
    <article
      ref={element}
      class={css.message}
      data-message={email.id}
      aria-busy={email.bodyValues === undefined}
      aria-labelledby={id}
    >
      <Head email={email} conversation={conversation} toggle={toggle} id={id} element={element} />
      {own && <Slot name="Scheduled" emailId={email.id} />}
      {email.keywords?.$draft ? <DraftNote email={email} /> : calendar && <Invitation email={email} part={calendar} />}
      <div class={css.body}>
        <Body email={email} text={text} conversation={conversation} />
      </div>
      {attachments.length > 0 && <Attachments email={email} parts={attachments} />}
      <div class={css.below} data-noprint>
        <Slot name="Reactions" emailId={email.id} />
      </div>
    </article>
  );
}

function DraftNote({ email }: { email: Email }) {
  return (
    <div class={css.draft}>
      <span>{t("conversation.draft")}</span>
      <Button kind="primary" icon="pen" onClick={() => act("compose")({ kind: "draft", emailId: email.id })}>
        {t("conversation.editDraft")}
      </Button>
    </div>
  );
}

interface HeadProps {
  email: Email;
  conversation: Conversation;
  toggle: () => void;
  id: string;
  element: { current: HTMLElement | null };
}

function Head({ email, conversation, toggle, id, element }: HeadProps) {
  const mail = useMail();
  const [details, setDetails] = useState(false);
  const from = email.from?.[0];
  const own = isMine(mail, from);
  return (
    <header class={css.head}>
      <div class={css.avatar}>
        <Avatar name={from?.name} email={from?.email ?? ""} size={40} />
        {from && !own && <Slot name="PresenceDot" email={from.email} />}
      </div>
      <div class={css.who}>
        <div class={css.whoLine}>
          <h2 id={id} tabIndex={-1} class={css.sender} translate={false}>
            <bdi>{nameOf(from)}</bdi>
          </h2>
          {from?.name && (
            <bdi class={css.email} translate={false}>
              {from.email}
            </bdi>
          )}
          {isFromList(email) && (
            <button type="button" class={css.quietLink} data-noprint onClick={() => void leaveList(mail, email)}>
              {t("conversation.unsubscribe")}
            </button>
          )}
        </div>
        <button
          type="button"
          class={css.to}
          aria-expanded={details}
          aria-controls={`${id}-details`}
          title={t(details ? "conversation.hideDetails" : "conversation.showDetails")}
          onClick={() => setDetails(!details)}
        >
          <span translate={false}>{recipientLine(mail, email)}</span>
          <span class={css.caret} aria-hidden="true" data-noprint />
        </button>
      </div>
      <HeadTools email={email} conversation={conversation} toggle={toggle} element={element} own={own} />
      {details && <Details email={email} id={`${id}-details`} />}
    </header>
  );
}

function HeadTools({ email, conversation, toggle, element, own }: Omit<HeadProps, "id"> & { own: boolean }) {
  const mail = useMail();
  const shared = useShared();
  const [menu, setMenu] = useState<{ x: number; y: number } | null>(null);
  const starred = !!email.keywords?.$flagged;
  const items = () => messageMenu({ mail, shared, conversation, email, element: () => element.current });
  return (
    <div class={css.tools}>
      {own && !email.keywords?.$draft && <Slot name="Ticks" emailId={email.id} long />}
      {email.receivedAt && (
        <button type="button" class={css.timeButton} title={t("conversation.collapse")} onClick={toggle}>
          <Time at={email.receivedAt} />
        </button>
      )}
      <span data-noprint class={css.buttons}>
        <Slot name="React" emailId={email.id} />
        <IconButton
          icon="star"
          class={starred ? css.starred! : css.star!}
          filled={starred}
          aria-pressed={starred}
          label={t("conversation.star")}
          onClick={() => void (starred ? mail.do.unstar([email.id]) : mail.do.star([email.id]))}
        />
        <IconButton
          icon="reply"
          class={css.reply!}
          label={t("conversation.reply")}
          onClick={() => act("compose")({ kind: "reply", emailId: email.id })}
        />
        <IconButton
          icon="more"
          label={t("conversation.more")}
          aria-haspopup="menu"
          onClick={(e) => setMenu(below(e.currentTarget))}
        />
      </span>
      {menu && <Menu label={t("conversation.more")} at={menu} items={items()} close={() => setMenu(null)} />}
    </div>
  );
}
