import { useComputed, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { href, route } from "../app/route";
import { locale, t } from "../i18n";
import { number } from "../i18n/format";
import type { Id, Mailbox, Role } from "../jmap/types";
import { useMail } from "../model";
import { below, Icon, IconButton } from "../ui";
import { doWith } from "./bulk";
import { begin, dragged, endDrag } from "./drag";
import { folderMenu, nameNew, takesFolder } from "./folderacts";
import css from "./folders.module.css";
import { iconOf, nameOf } from "./names";
import { boxOf } from "./spec";
import { countOf, grow, type Line, lines } from "./tree";

/** The mailboxes: those with a role, then folders and labels as a tree. Arrow keys move in it. */
export function FolderPane() {
  const mail = useMail();
  const folded = useSignal<ReadonlySet<Id>>(new Set());
  const grown = useComputed(() =>
    grow(mail.mailboxes.value, (a, b) => a.localeCompare(b, locale.value, { numeric: true })),
  );
  const { known, tree } = grown.value;
  const here = boxHere(mail.mailboxByRole(route.value.box as Role)?.id);
  const fold = (id: Id) => {
    const next = new Set(folded.value);
    if (!next.delete(id)) next.add(id);
    folded.value = next;
  };
  const first = known[0];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the links in it
    <div class={css.pane} onKeyDown={walk}>
      <ul class={css.lines}>
        {first && <MailboxLine key={first.id} line={flat(first)} here={here} fold={fold} folded={false} />}
        {!known.some((m) => m.role === "flagged") && <Starred />}
        {known.slice(1).map((m) => (
          <MailboxLine key={m.id} line={flat(m)} here={here} fold={fold} folded={false} />
        ))}
      </ul>
      <div class={css.heading} data-drop={dragged.value?.kind === "mailbox"} {...topDrop(mail)}>
        <h2>{t("list.folders")}</h2>
        <IconButton icon="plus" size={18} label={t("list.newFolder")} onClick={() => nameNew(mail, null)} />
      </div>
      <ul class={css.lines}>
        {lines(tree, folded.value).map((line) => (
          <MailboxLine
            key={line.mailbox.id}
            line={line}
            here={here}
            fold={fold}
            folded={folded.value.has(line.mailbox.id)}
          />
        ))}
      </ul>
      {mail.ready.value && tree.length === 0 && <p class={css.none}>{t("list.noFolders")}</p>}
    </div>
  );
}

const flat = (mailbox: Mailbox): Line => ({ mailbox, depth: 0, leaf: true });

/** The mailbox one is in. */
function boxHere(byRole: Id | undefined): Id | null {
  const { view, box } = route.value;
  return view === "mailbox" || view === "priority" ? (byRole ?? box) : null;
}

function Starred() {
  const r = route.value;
  const current = r.view === "search" && r.query === "is:starred";
  return (
    <li class={css.line} data-current={current}>
      <a
        class={css.link}
        href={href({ view: "search", query: "is:starred" })}
        aria-current={current ? "page" : undefined}
      >
        <Icon name="star" size={19} />
        <span class={css.name}>{t("list.roleFlagged")}</span>
      </a>
    </li>
  );
}

interface LineProps {
  line: Line;
  here: Id | null;
  fold: (id: Id) => void;
  folded: boolean;
}

function MailboxLine({ line: { mailbox, depth, leaf }, here, fold, folded }: LineProps) {
  const mail = useMail();
  const current = mailbox.id === here;
  const count = countOf(mailbox);
  const menu = (at: { x: number; y: number }) => folderMenu(mail, mailbox, at);
  return (
    <li
      class={css.line}
      data-current={current}
      data-depth={Math.min(depth, 6)}
      {...useDrop(mailbox)}
      onContextMenu={(e) => {
        e.preventDefault();
        menu({ x: e.clientX, y: e.clientY });
      }}
    >
      {!leaf && (
        <button
          type="button"
          class={css.fold}
          aria-expanded={!folded}
          aria-label={t(folded ? "list.unfold" : "list.fold")}
          onClick={() => fold(mailbox.id)}
        >
          <Icon name={folded ? "chevronRight" : "chevronDown"} size={16} />
        </button>
      )}
      <a
        class={css.link}
        href={href({ box: boxOf(mailbox) })}
        aria-current={current ? "page" : undefined}
        data-unread={mailbox.role !== "drafts" && count > 0}
        draggable={!mailbox.role}
        onDragStart={(e) => begin(e, { kind: "mailbox", id: mailbox.id }, mailbox.name)}
        onDragEnd={endDrag}
      >
        <Icon name={iconOf(mailbox)} size={19} />
        <span class={css.name} translate={mailbox.role ? undefined : false} dir="auto">
          {nameOf(mailbox)}
        </span>
        {count > 0 && <Count mailbox={mailbox} n={count} />}
      </a>
      <IconButton
        class={css.more!}
        icon="more"
        size={18}
        label={t("list.folderActions")}
        aria-haspopup="menu"
        onClick={(e) => menu(below(e.currentTarget))}
      />
    </li>
  );
}

function Count({ mailbox, n }: { mailbox: Mailbox; n: number }) {
  const all = mailbox.role === "drafts" || mailbox.role === "scheduled";
  return (
    <span class={css.count}>
      <span aria-hidden="true">{n > 9_999 ? `${number(Math.floor(n / 1_000))}k` : number(n)}</span>
      <span class="visually-hidden">{t(all ? "list.countAll" : "list.countUnread", { n })}</span>
    </span>
  );
}

/** What can be dropped on a mailbox: emails, which are moved (with Ctrl or Alt they are put there, too), and other mailboxes. */
function useDrop(mailbox: Mailbox) {
  const mail = useMail();
  const over = useSignal(false);
  const depth = useRef(0);
  const takes = () => {
    const d = dragged.peek();
    if (d?.kind === "emails") return mailbox.myRights.mayAddItems && d.from !== mailbox.id;
    return d !== null && takesFolder(mail, d.id, mailbox);
  };
  const copies = (e: DragEvent) => e.ctrlKey || e.altKey;
  return {
    "data-over": over.value,
    onDragEnter: () => {
      depth.current++;
      over.value = takes();
    },
    onDragLeave: () => {
      depth.current--;
      if (depth.current <= 0) over.value = false;
    },
    onDragOver: (e: DragEvent) => {
      if (!takes()) return;
      e.preventDefault();
      if (e.dataTransfer) e.dataTransfer.dropEffect = copies(e) ? "copy" : "move";
    },
    onDrop: (e: DragEvent) => {
      e.preventDefault();
      depth.current = 0;
      over.value = false;
      const d = dragged.peek();
      if (!d || !takes()) return;
      endDrag();
      if (d.kind === "mailbox") void mail.do.moveMailbox(d.id, mailbox.id).catch(() => {});
      else void doWith(mail, d.emailIds, (a, ids) => dropped(a, ids, mailbox, d.from, copies(e)));
    },
  };
}

type Do = Parameters<Parameters<typeof doWith>[2]>;

function dropped(a: Do[0], ids: Do[1], to: Mailbox, from: Id | undefined, copy: boolean) {
  if (copy) return a.addTo(ids, to.id);
  if (to.role === "trash") return a.trash(ids);
  if (to.role === "junk") return a.junk(ids);
  if (to.role === "archive") return a.archive(ids);
  return a.move(ids, to.id, from);
}

/** A mailbox dropped on the heading lies below none. */
function topDrop(mail: ReturnType<typeof useMail>) {
  return {
    onDragOver: (e: DragEvent) => {
      if (dragged.peek()?.kind === "mailbox") e.preventDefault();
    },
    onDrop: (e: DragEvent) => {
      const d = dragged.peek();
      if (d?.kind !== "mailbox") return;
      e.preventDefault();
      endDrag();
      void mail.do.moveMailbox(d.id, null).catch(() => {});
    },
  };
}

/** Arrow keys go from line to line; those sideways fold and unfold. */
function walk(e: KeyboardEvent): void {
  const links = [...(e.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("a")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[e.key];
  const sideways = e.key === "ArrowLeft" || e.key === "ArrowRight";
  if (to !== undefined) links[Math.max(0, Math.min(to, links.length - 1))]?.focus();
  else if (sideways) foldBy(links[at]!, (e.key === "ArrowRight") !== (document.dir === "rtl"));
  else return;
  e.preventDefault();
}

function foldBy(link: HTMLElement, open: boolean): void {
  const button = link.parentElement?.querySelector<HTMLElement>("[aria-expanded]");
  if (button && (button.getAttribute("aria-expanded") === "true") !== open) button.click();
}
