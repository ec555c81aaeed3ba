import { Component } from "preact";
import { Slot } from "../app/ports";
import { t } from "../i18n";
import { exactly, number, when } from "../i18n/format";
import type { SearchSnippet } from "../jmap/types";
import type { Row } from "../model";
import { Avatar, Icon } from "../ui";
import { marked } from "./marked";
import { partiesOf } from "./names";
import css from "./row.module.css";

export interface RowProps {
  row: Row;
  index: number;
  top: number;
  href: string;
  own: ReadonlySet<string>;
  outgoing: boolean; // it is about whom one has written to
  labels: readonly string[];
  checked: boolean;
  open: boolean;
  active: boolean;
  avatar: boolean;
  found?: SearchSnippet | undefined;
}

/** A row of the list. What is clicked in it is found by data-do, in one place for all rows. */
export class RowView extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some((k) => next[k] !== this.props[k]);
  }

  override render() {
    const { row, index, top, checked, open, active } = this.props;
    return (
      // biome-ignore lint/a11y/useSemanticElements: a row of a grid (list.tsx)
      // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus, and says which row it is at
      <div
        class={css.row}
        role="row"
        id={`row-${row.threadId}`}
        aria-rowindex={index + 1}
        aria-selected={checked}
        data-index={index}
        data-unread={row.unread > 0}
        data-open={open}
        data-active={active}
        draggable
        style={{ transform: `translateY(${top}px)` }}
      >
        <div class={css.swiped} aria-hidden="true">
          <Icon name="archive" />
          <Icon name="snooze" />
        </div>
        <div class={css.content}>
          <Lead {...this.props} />
          <Middle {...this.props} />
          <Actions row={row} />
        </div>
      </div>
    );
  }
}

function Lead({ row, checked, avatar, outgoing }: RowProps) {
  const person = (outgoing ? row.email.to?.[0] : (row.email.from?.[0] ?? row.participants.at(-1))) ?? null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of a grid (list.tsx)
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    <div class={css.lead} role="gridcell">
      {avatar && <Avatar name={person?.name ?? null} email={person?.email ?? "?"} size={36} />}
      <label class={css.check}>
        <input type="checkbox" tabIndex={-1} checked={checked} data-do="check" aria-label={t("list.selectOne")} />
      </label>
    </div>
  );
}

function Middle({ row, href, own, outgoing, labels, found }: RowProps) {
  const received = new Date(row.email.receivedAt ?? 0);
  const subject = row.email.subject?.trim();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of a grid (list.tsx)
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    <div class={css.middle} role="gridcell">
      <div class={css.who}>
        {row.unread > 0 && <span class="visually-hidden">{t("list.unread")}</span>}
        <Who row={row} own={own} outgoing={outgoing} />
        {row.count > 1 && <span class={css.count}>{number(row.count)}</span>}
      </div>
      <div class={css.subject} dir="auto">
        {row.email.keywords?.$important && (
          <span class={css.important} title={t("list.important")}>
            <Icon name="important" size={14} filled />
          </span>
        )}
        <a href={href} tabIndex={-1} draggable={false} translate={subject ? false : undefined}>
          {found?.subject ? marked(found.subject) : subject || t("list.noSubject")}
        </a>
      </div>
      <div class={css.preview} translate={false} dir="auto">
        <Slot name="TypingLine" threadId={row.threadId} short />
        <span>{found?.preview ? marked(found.preview) : row.email.preview}</span>
      </div>
      <div class={css.marks}>
        {labels.map((l) => (
          <span key={l} class={css.label} translate={false} dir="auto">
            {l}
          </span>
        ))}
        {row.muted && <Mark icon="mute" text={t("list.muted")} />}
        {row.hasAttachment && <Mark icon="clip" text={t("list.attachment")} />}
        {outgoing && <Slot name="Ticks" emailId={row.emailId} />}
      </div>
      <time class={css.time} dateTime={row.email.receivedAt} title={exactly(received)} translate={false}>
        {when(received)}
      </time>
      <button
        type="button"
        class={css.star}
        tabIndex={-1}
        data-do="star"
        aria-pressed={row.flagged}
        aria-label={t("list.star")}
        title={t("list.star")}
      >
        <Icon name="star" size={18} filled={row.flagged} />
      </button>
    </div>
  );
}

function Mark({ icon, text }: { icon: "mute" | "clip"; text: string }) {
  return (
    <span title={text}>
      <Icon name={icon} size={15} />
      <span class="visually-hidden">{text}</span>
    </span>
  );
}

function Who({ row, own, outgoing }: Pick<RowProps, "row" | "own" | "outgoing">) {
  const parties = partiesOf(row, own, outgoing);
  return (
    <span class={css.names} dir="auto">
      {outgoing && <span class={css.to}>{t("list.to")} </span>}
      {parties.map((p, i) => (
        <span key={`${p.name} ${p.me}`}>
          {i > 0 && ", "}
          {p.me ? <span>{t("list.me")}</span> : <bdi translate={false}>{p.name}</bdi>}
        </span>
      ))}
      {!parties.length && t("list.nobody")}
      {row.draft && <span class={css.draft}> {t("list.draft")}</span>}
    </span>
  );
}

/** What is done with the pointer over a row, where there is a pointer. */
function Actions({ row }: { row: Row }) {
  const read = row.unread === 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of a grid (list.tsx)
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    <div class={css.actions} role="gridcell">
      <Act name="archive" icon="archive" text={t("list.archive")} />
      <Act name="trash" icon="trash" text={t("list.trash")} />
      <Act name="read" icon={read ? "mail" : "mailOpen"} text={t(read ? "list.markUnread" : "list.markRead")} />
      <Act name="snooze" icon="snooze" text={t("list.snooze")} />
    </div>
  );
}

function Act(props: { name: string; icon: "archive" | "trash" | "mail" | "mailOpen" | "snooze"; text: string }) {
  return (
    <button type="button" tabIndex={-1} data-do={props.name} aria-label={props.text} title={props.text}>
      <Icon name={props.icon} size={18} />
    </button>
  );
}

/** A row that is not there yet. */
export function Skeleton({ top }: { top: number }) {
  return (
    <div class={`${css.row} ${css.skeleton}`} role="presentation" style={{ transform: `translateY(${top}px)` }}>
      <i />
      <b />
      <s />
    </div>
  );
}
