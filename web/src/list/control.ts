// What is done with the rows of a list that is shown: the cursor, the selection, and the actions on what they mean.
import { signal } from "@preact/signals";
import { act } from "../app/ports";
import { go, listRoute, route } from "../app/route";
import { t } from "../i18n";
import type { Id } from "../jmap/types";
import type { Mail, MailList, Row } from "../model";
import { ask } from "../ui";
import { doWith, type How } from "./bulk";
import { choose } from "./choice";
import { Selection } from "./selection";
import type { Shown } from "./spec";
import type { View } from "./view";

export class Control {
  readonly selection = new Selection();
  /** The row that the keyboard is at. */
  readonly cursor = signal(-1);
  /** Whether it has been moved by the keyboard, so that it is shown. */
  readonly keyboard = signal(false);
  #thread: Id | null = null; // the thread that the cursor is at
  #open: Id | null = null; // the conversation that is open, once it has been found in the list

  constructor(
    readonly mail: Mail,
    readonly list: MailList,
    readonly shown: Shown,
    readonly view: View,
  ) {}

  row(i: number): Row | null {
    const row = i >= 0 && i < (this.list.total.peek() ?? 0) ? this.list.at(i) : null;
    return row === "loading" ? null : row;
  }

  get current(): Row | null {
    return this.row(this.cursor.peek());
  }

  /** Moves the cursor to a row, and brings it in sight. */
  moveTo(i: number, byKeyboard = true): void {
    const total = this.list.total.peek() ?? 0;
    if (total === 0) return;
    const to = Math.max(0, Math.min(i, total - 1));
    this.cursor.value = to;
    this.keyboard.value = byKeyboard;
    this.#thread = this.row(to)?.threadId ?? null;
    if (!byKeyboard) return;
    this.view.show(to);
    this.view.focus();
  }

  /** By so many rows. A cursor that is nowhere begins at what is in sight. */
  move(by: number): void {
    const at = this.cursor.peek();
    this.moveTo(at < 0 ? this.view.firstInSight : at + by);
  }

  /** The list has changed: the cursor follows its thread; where that has gone, the next one takes its place. */
  follow(): void {
    const i = this.#thread ? this.list.indexOfThread(this.#thread) : -1;
    if (i >= 0) this.cursor.value = i;
    else if (this.cursor.peek() >= 0) {
      const last = (this.list.total.peek() ?? 0) - 1;
      this.cursor.value = Math.min(this.cursor.peek(), last);
      this.#thread = this.current?.threadId ?? null;
    }
    this.selection.refresh((row) => this.row(this.list.indexOfThread(row.threadId)) ?? row);
  }

  /** A conversation has been opened: the cursor goes there, and from then on where one moves it. */
  opened(threadId: Id | null): void {
    if (threadId === this.#open) return;
    this.#open = null;
    const i = threadId ? this.list.indexOfThread(threadId) : -1;
    if (i < 0) return;
    this.#open = threadId;
    this.moveTo(i, false);
    this.view.show(i);
  }

  /** Where a row leads. */
  hrefOf(row: Row): { threadId: Id; draft: boolean } {
    return { threadId: row.threadId, draft: row.draft && this.shown.mailbox?.role === "drafts" };
  }

  open(row: Row | null): void {
    if (!row) return;
    if (this.hrefOf(row).draft) act("compose")({ kind: "draft", emailId: row.emailId });
    else go({ ...listRoute(), thread: row.threadId });
  }

  /** The emails that an action means: of what is selected, else of the row the cursor is at. */
  async meant(row: Row | null = null): Promise<readonly Id[]> {
    const rows = row ? [row] : this.rowsMeant();
    if (!row && this.selection.everything.peek()) return this.list.allEmailIds();
    return rows.flatMap((r) => r.emailIds);
  }

  rowsMeant(): readonly Row[] {
    if (this.selection.rows.peek().size) return [...this.selection.rows.peek().values()];
    return this.current ? [this.current] : [];
  }

  /** Does something with what is meant; moves says that it leaves the list. */
  async do(how: How, { row = null, leaves = false }: { row?: Row | null; leaves?: boolean } = {}): Promise<void> {
    const ids = await this.meant(row);
    const open = route.peek().thread;
    const closes = leaves && (row ? [row] : this.rowsMeant()).some((r) => r.threadId === open);
    if (leaves && !row) this.selection.clear();
    await doWith(this.mail, ids, how);
    if (closes) go(listRoute());
  }

  archive(row?: Row | null): Promise<void> {
    const { mailbox } = this.shown;
    // In a folder "archive" is "take it from here", as in Gmail; in the archive there is nothing to do.
    if (mailbox?.role === "archive") return Promise.resolve();
    if (mailbox && !mailbox.role) return this.do((a, ids) => a.removeFrom(ids, mailbox.id), leaving(row));
    return this.do((a, ids) => a.archive(ids), leaving(row));
  }

  /** In the trash it destroys, and asks before that. */
  async trash(row?: Row | null): Promise<void> {
    if (this.shown.mailbox?.role !== "trash") return this.do((a, ids) => a.trash(ids), leaving(row));
    const all = !row && this.selection.everything.peek();
    const n = row ? 1 : all ? (this.list.total.peek() ?? 0) : this.rowsMeant().length;
    const title = t("list.destroyTitle", { n });
    const confirm = t("list.destroy");
    if (await ask({ title, body: t("list.noWayBack"), confirm, danger: true }))
      await this.do((a, ids) => a.destroy(ids), leaving(row));
  }

  junk(): Promise<void> {
    const is = this.shown.mailbox?.role === "junk";
    return this.do((a, ids) => (is ? a.notJunk(ids) : a.junk(ids)), leaving());
  }

  read(on: boolean, row?: Row | null): Promise<void> {
    return this.do((a, ids) => (on ? a.read(ids) : a.unread(ids)), { row: row ?? null });
  }

  star(row?: Row | null): Promise<void> {
    const rows = row ? [row] : this.rowsMeant();
    const on = rows.some((r) => !r.flagged);
    // A star is on one message of a conversation: the newest. It is taken from all.
    if (row && on) return this.do((a) => a.star([row.emailId]), { row });
    return this.do((a, ids) => (on ? a.star(ids) : a.unstar(ids)), { row: row ?? null });
  }

  important(on: boolean): Promise<void> {
    return this.do((a, ids) => a.important(ids, on), { leaves: this.shown.priority && !on });
  }

  mute(): void {
    const rows = this.rowsMeant();
    const on = rows.some((r) => !r.muted);
    for (const row of rows) {
      if (on && !row.muted) this.mail.do.muteThread(row.threadId);
      if (!on) this.mail.do.unmuteThread(row.threadId);
    }
  }

  /** Opens a choice of where or when for what is meant. */
  async choose(kind: "snooze" | "move" | "label", at: { x: number; y: number }, row?: Row | null): Promise<void> {
    const emailIds = await this.meant(row);
    if (!emailIds.length) return;
    const from = this.shown.mailbox?.id;
    const done = () => {
      if (kind !== "label" && !row) this.selection.clear();
    };
    choose({ kind, emailIds, at, done, ...(from && { from }) });
  }

  /** Where something for a row opens. */
  placeOf(row: Row | null): { x: number; y: number } {
    const element = row && document.getElementById(`row-${row.threadId}`);
    const box = element?.getBoundingClientRect();
    if (!box) return { x: innerWidth / 3, y: innerHeight / 4 };
    return { x: document.dir === "rtl" ? box.right - 60 : box.left + 60, y: box.bottom - 8 };
  }
}

const leaving = (row?: Row | null) => ({ row: row ?? null, leaves: true });
