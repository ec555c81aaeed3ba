import { useEffect, useRef } from "preact/hooks";
import { href } from "../app/route";
import { type Key, t } from "../i18n";
import { number } from "../i18n/format";
import { ask, Button, below, Icon, IconButton, type MenuItem } from "../ui";
import { progress } from "./bulk";
import { choose } from "./choice";
import type { Control } from "./control";
import css from "./list.module.css";
import { nameOf } from "./names";
import { rowMenu } from "./rowmenu";
import { type Order, order, type Shown } from "./spec";

/** What stands above the rows: what they are, or what can be done with those that are selected. */
export function Head({ control, shown }: { control: Control; shown: Shown }) {
  const { selection } = control;
  const selecting = selection.size > 0 || selection.everything.value;
  const inbox = shown.mailbox?.role === "inbox";
  return (
    <>
      <div class={css.head} role="toolbar" aria-label={t(selecting ? "list.actions" : "list.messages")}>
        <SelectAll control={control} />
        {selecting ? <Bulk control={control} /> : <Title control={control} shown={shown} />}
      </div>
      {inbox && <Tabs shown={shown} />}
      {selecting && <Everything control={control} shown={shown} />}
      {progress.value && <Progress />}
      {shown.problems.map((p) => (
        <p key={p} class={css.problem}>
          <Icon name="info" size={16} />
          {p}
        </p>
      ))}
      <EmptyNow control={control} shown={shown} />
    </>
  );
}

function SelectAll({ control }: { control: Control }) {
  const { list, selection } = control;
  list.version.value;
  const box = useRef<HTMLInputElement>(null);
  const total = list.total.value ?? 0;
  const all = selection.everything.value || (total > 0 && selection.size >= total);
  const some = selection.size > 0;
  useEffect(() => {
    box.current!.indeterminate = some && !all;
  }, [some, all]);
  const toggle = () => {
    if (some || all) selection.clear();
    else
      selection.only(Array.from({ length: Math.min(total, 500) }, (_, i) => control.row(i)).filter((r) => r !== null));
  };
  return (
    <label class={css.all} title={t(some || all ? "list.selectNone" : "list.selectAll")}>
      <input
        ref={box}
        type="checkbox"
        checked={all}
        disabled={total === 0}
        onChange={toggle}
        aria-label={t(some || all ? "list.selectNone" : "list.selectAll")}
      />
    </label>
  );
}

function Title({ control, shown }: { control: Control; shown: Shown }) {
  const total = control.list.total.value;
  const name = shown.query !== undefined ? t("list.results") : shown.mailbox ? nameOf(shown.mailbox) : "";
  const own = shown.mailbox && !shown.mailbox.role;
  return (
    <>
      <h1 class={css.title} translate={own ? false : undefined}>
        {name}
      </h1>
      {total !== undefined && total > 0 && (
        <span class={css.total} title={t("list.conversations", { n: total })}>
          {number(total)}
        </span>
      )}
      <span class={css.gap} />
      <IconButton
        icon="filter"
        label={t("list.order")}
        aria-haspopup="menu"
        onClick={(e) =>
          choose({ kind: "menu", label: t("list.order"), at: below(e.currentTarget), items: orderItems() })
        }
      />
    </>
  );
}

const orderTexts: readonly (readonly [Order, Key])[] = [
  ["newest", "list.newest"],
  ["oldest", "list.oldest"],
  ["unread", "list.unreadFirst"],
  ["from", "list.bySender"],
  ["largest", "list.largest"],
];

const orderItems = (): MenuItem[] =>
  orderTexts.map(([value, text]) => ({
    id: value,
    text: t(text),
    checked: order.value === value,
    do: () => {
      order.value = value;
    },
  }));

function Bulk({ control: c }: { control: Control }) {
  const { selection, shown } = c;
  const rows = [...selection.rows.value.values()];
  const unread = selection.everything.value || rows.some((r) => r.unread > 0);
  const role = shown.mailbox?.role;
  const n = selection.everything.value ? (c.list.total.value ?? 0) : selection.size;
  const pick = (kind: "snooze" | "move" | "label") => (e: MouseEvent) =>
    void c.choose(kind, below(e.currentTarget as Element));
  return (
    <>
      <h1 class={css.selected}>{t("list.selected", { n })}</h1>
      <span class={css.gap} />
      {role !== "archive" && (
        <IconButton icon="archive" label={t("list.archive")} keys="e" onClick={() => void c.archive()} />
      )}
      <IconButton
        icon="trash"
        label={t(role === "trash" ? "list.destroy" : "list.trash")}
        keys="#"
        onClick={() => void c.trash()}
      />
      <IconButton
        icon={unread ? "mailOpen" : "mail"}
        label={t(unread ? "list.markRead" : "list.markUnread")}
        onClick={() => void c.read(unread)}
      />
      <IconButton icon="move" label={t("list.moveTo")} keys="v" onClick={pick("move")} />
      <span class={css.roomy}>
        <IconButton icon="snooze" label={t("list.snooze")} keys="b" onClick={pick("snooze")} />
        <IconButton icon="label" label={t("list.labels")} keys="l" onClick={pick("label")} />
      </span>
      <IconButton
        icon="more"
        label={t("list.more")}
        keys="."
        aria-haspopup="menu"
        onClick={(e) => rowMenu(c, below(e.currentTarget))}
      />
    </>
  );
}

function Tabs({ shown }: { shown: Shown }) {
  const tab = (priority: boolean, text: Key) => (
    <a
      href={href(priority ? { view: "priority" } : { box: "inbox" })}
      aria-current={shown.priority === priority ? "page" : undefined}
    >
      {priority && <Icon name="important" size={15} filled={shown.priority} />}
      {t(text)}
    </a>
  );
  return (
    <nav class={css.tabs} aria-label={t("list.views")}>
      {tab(true, "list.priority")}
      {tab(false, "list.everythingTab")}
    </nav>
  );
}

/** All that is loaded is selected: the rest can be, too. */
function Everything({ control, shown }: { control: Control; shown: Shown }) {
  const { list, selection } = control;
  const total = list.total.value ?? 0;
  if (selection.everything.value)
    return (
      <p class={css.everything}>
        {t("list.allSelected", { n: total })}
        <Button kind="quiet" onClick={() => selection.clear()}>
          {t("list.selectNone")}
        </Button>
      </p>
    );
  if (selection.size < 20 || selection.size >= total) return null;
  const where = shown.mailbox ? nameOf(shown.mailbox) : t("list.results");
  return (
    <p class={css.everything}>
      <Button kind="quiet" onClick={() => selection.all()}>
        {t("list.selectEverything", { n: total, where })}
      </Button>
    </p>
  );
}

function Progress() {
  const { done, total, stop } = progress.value!;
  return (
    <div class={css.everything} role="status">
      <progress max={total} value={done} aria-label={t("list.progress", { done, total })} />
      <span>{t("list.progress", { done, total })}</span>
      <Button kind="quiet" onClick={stop}>
        {t("list.stop")}
      </Button>
    </div>
  );
}

/** Trash and junk can be emptied. */
function EmptyNow({ control, shown }: { control: Control; shown: Shown }) {
  const { mailbox } = shown;
  const total = control.list.total.value ?? 0;
  if (!mailbox || (mailbox.role !== "trash" && mailbox.role !== "junk") || total === 0) return null;
  return (
    <p class={css.everything}>
      <Button kind="quiet" icon="trash" onClick={() => void emptyNow(control.mail, mailbox, total)}>
        {t("list.emptyNow", { mailbox: nameOf(mailbox) })}
      </Button>
    </p>
  );
}

export async function emptyNow(mail: Control["mail"], mailbox: NonNullable<Shown["mailbox"]>, n: number) {
  const yes = await ask({
    title: t("list.destroyTitle", { n }),
    body: t("list.noWayBack"),
    confirm: t("list.emptyNow", { mailbox: nameOf(mailbox) }),
    danger: true,
  });
  if (!yes) return;
  const stop = () => {};
  const tell = (fraction: number) => {
    progress.value = fraction < 1 ? { done: Math.round(fraction * n), total: n, stop } : null;
  };
  try {
    await mail.do.emptyMailbox(mailbox.id, tell);
  } catch {
    // The model has told why.
  } finally {
    progress.value = null;
  }
}
