// All that is being written in this tab, and all that is on its way: the windows, the journal of the account and its outbox.
//
// What an earlier tab has left in the journal is opened again; what a tab that still lives has open is left to it (locks.ts).
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Compose } from "../app/ports";
import { t } from "../i18n";
import { dateTime } from "../i18n/format";
import { capability, type Id } from "../jmap/types";
import { type Mail, troubleOf } from "../model";
import { preferences } from "../preferences";
import { announce, toast } from "../ui";
import { Composition, later, newEntry } from "./composition";
import { type Draft, fromEmail, isEmpty, randomId, recipients } from "./draft";
import { explain } from "./failures";
import { BrowserJournal, type Entry, type Journal } from "./journal";
import { claim, Tabs, wait } from "./locks";
import { begin, Gone, load } from "./original";
import { cancel, Outbox, type Places, type Sending } from "./outbox";
import { findPlaces } from "./places";
import { prepare } from "./prepare";
import { withMessageId } from "./server";

const maxOpen = 12;
const takeUpEvery = 30_000; // ms: what another tab has left unsent, when it was closed, waits no longer

export class Desk {
  readonly mail: Mail;
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly #windows = signal<readonly Composition[]>([]);
  /** What is open, the newest last. */
  readonly windows: ReadonlySignal<readonly Composition[]> = this.#windows;
  readonly #arriving = signal<readonly Sending[]>([]);
  /** Quick replies that the server has, until its copy is seen here. */
  readonly arriving: ReadonlySignal<readonly Sending[]> = this.#arriving;
  readonly #tabs = new Tabs();
  readonly #ends: (() => void)[] = [];

  constructor(mail: Mail, journal: Journal = new BrowserJournal(mail.accountId)) {
    this.mail = mail;
    this.journal = journal;
    this.outbox = new Outbox({
      server: mail.connection,
      journal,
      prepare: (s, places) => prepare(mail, journal, s, places),
      places: (scheduled) => this.places(scheduled),
      gone: (s) => this.#gone(s),
      failed: (s) => void this.#failed(s),
      over: async (s) => {
        if (s.draft) await this.#forget(s.draft.key);
      },
      claim: (name) => claim(`${mail.accountId} ${name}`),
      later,
    });
  }

  async start(): Promise<void> {
    this.#listen();
    const sending = new Set((await this.journal.sendings().catch(() => [])).map((s) => s.draft?.key));
    void this.outbox.start();
    const entries = await this.journal.entries().catch(() => []);
    for (const entry of entries)
      if (!sending.has(entry.draft.key) && !entry.draft.key.startsWith("quick ")) await this.#reopen(entry);
  }

  /** Saves all, and lets go. */
  async stop(): Promise<void> {
    for (const end of this.#ends) end();
    const all = this.windows.value;
    for (const c of all) c.flushEditor();
    await Promise.allSettled(all.map((c) => Promise.race([this.#save(c), new Promise((r) => setTimeout(r, 3000))])));
    for (const c of all) c.stop();
    this.#windows.value = [];
    this.#tabs.close();
  }

  #listen(): void {
    const hidden = () => {
      for (const c of this.windows.value) {
        c.flushEditor();
        if (document.visibilityState === "hidden") void c.saver.flush();
      }
      if (document.visibilityState === "visible") void this.outbox.takeUp();
    };
    addEventListener("visibilitychange", hidden);
    addEventListener("pagehide", hidden);
    const taking = setInterval(() => void this.outbox.takeUp(), takeUpEvery);
    this.#ends.push(
      () => clearInterval(taking),
      () => removeEventListener("visibilitychange", hidden),
      () => removeEventListener("pagehide", hidden),
      this.mail.connection.on("Connected", () => {
        this.outbox.pump();
        void this.outbox.takeUp();
        for (const c of this.windows.value) void c.saver.flush();
      }),
      this.mail.connection.on("StateChange", (e) => {
        if (!e.changed[this.mail.accountId]?.Email) return;
        for (const c of this.windows.value) void c.saver.look().catch(() => {});
      }),
    );
  }

  /** Opens what is asked for; what is open already comes to the front. */
  async open(what: Compose): Promise<Composition | null> {
    if (what.kind === "draft") {
      const open = this.windows.value.find((c) => c.saver.serverId === what.emailId);
      if (open) return this.#front(open);
    }
    try {
      const draft = await begin(this.mail, what);
      return await this.#show(newEntry(draft, what.kind === "draft" ? what.emailId : null));
    } catch (error) {
      if (error instanceof Gone) toast({ text: t("compose.goneMessage"), kind: "error" });
      else {
        const { key, holes } = troubleOf(error);
        toast({
          text: t(key, holes),
          kind: "error",
          action: { text: t("compose.again"), do: () => void this.open(what) },
        });
      }
      return null;
    }
  }

  /** Opens a draft that was begun elsewhere on the page. */
  openDraft(draft: Draft, serverId: Id | null = null): Promise<Composition | null> {
    return this.#show(newEntry(draft, serverId));
  }

  #front(c: Composition): Composition {
    if (c.view.value === "minimized") c.view.value = "normal";
    this.#windows.value = [...this.windows.value.filter((other) => other !== c), c];
    return c;
  }

  async #show(entry: Entry, held?: () => void): Promise<Composition | null> {
    const open = this.windows.value.find((c) => c.draft.value.messageId === entry.draft.messageId);
    if (open) return this.#front(open);
    if (this.windows.value.length >= maxOpen) {
      toast({ text: t("compose.tooMany"), kind: "error" });
      return null;
    }
    const c = new Composition(entry, { mail: this.mail, journal: this.journal, places: () => this.places(false) });
    for (const other of this.windows.value)
      if (other.view.value !== "minimized") other.view.value = innerWidth < 1500 ? "minimized" : other.view.value;
    this.#windows.value = [...this.windows.value, c];
    await this.#hold(c, held);
    return c;
  }

  /** Takes the draft for this tab, if no other one has it. */
  async #hold(c: Composition, held?: () => void): Promise<void> {
    const name = this.#lockOf(c);
    const release = held ?? (await claim(name));
    if (!release) {
      c.heldElsewhere.value = true;
      return;
    }
    const disown = this.#tabs.own(name, () => void this.#handOver(c));
    c.release = () => {
      disown();
      release();
    };
  }

  #lockOf(c: Composition): string {
    return `${this.mail.accountId} draft ${c.draft.value.messageId}`;
  }

  /** Goes on here with what another tab has open: it saves what it has, and closes it. */
  async takeOver(c: Composition): Promise<void> {
    const name = this.#lockOf(c);
    this.#tabs.takeOver(name);
    const release = await wait(name);
    const entries = await this.journal.entries().catch(() => []);
    const entry = entries.find((e) => e.draft.messageId === c.draft.value.messageId);
    const found = entry ? [] : await withMessageId(this.mail.connection, c.draft.value.messageId).catch(() => []);
    this.#remove(c);
    const newest = found.find((f) => f.keywords?.$draft);
    if (entry) await this.#show(entry, release);
    else if (newest) {
      const draft = await begin(this.mail, { kind: "draft", emailId: newest.id });
      await this.#show(newEntry(draft, newest.id), release);
    } else await this.#show(newEntry(c.draft.value), release);
  }

  async #handOver(c: Composition): Promise<void> {
    c.flushEditor();
    await c.saver.journaled();
    await Promise.race([c.saver.flush(), new Promise((r) => setTimeout(r, 2000))]);
    await c.saver.stop();
    toast({ text: t("compose.takenOver") });
    this.#remove(c);
  }

  async #reopen(entry: Entry): Promise<void> {
    if (isEmpty(entry.draft) && !entry.serverId) return this.journal.remove(entry.draft.key).catch(() => {});
    const release = await claim(`${this.mail.accountId} draft ${entry.draft.messageId}`);
    if (!release) return; // a tab that lives has it open
    const unsaved = entry.revision > entry.saved || entry.attempt !== null;
    const c = await this.#show(entry, release);
    if (!c) return;
    if (unsaved) c.note.value = { is: "kept" };
    else c.view.value = "minimized";
    void c.resume();
  }

  /** Closes a window. What is in it is a draft. */
  async close(c: Composition): Promise<void> {
    c.flushEditor();
    this.#windows.value = this.windows.value.filter((other) => other !== c);
    const kept = !isEmpty(c.draft.value) || c.saver.serverId !== null;
    if (!kept) await this.journal.remove(c.key).catch(() => {});
    else if (await this.#save(c)) announce(t("compose.saved"));
    else toast({ text: t("compose.keptHere") });
    await c.saver.stop();
    c.stop();
  }

  /** Whether the server has all of it; then the journal need not keep it. */
  async #save(c: Composition): Promise<boolean> {
    await c.uploads.settled();
    await c.saver.flush();
    const whole = c.saver.isSaved && c.draft.value.files.every((f) => f.blobId);
    if (whole) await this.journal.remove(c.key).catch(() => {});
    return whole;
  }

  /** Throws it away; it can be taken back for a while. */
  async discard(c: Composition): Promise<void> {
    c.flushEditor();
    const draft = c.draft.value;
    this.#remove(c);
    const empty = isEmpty(draft);
    await c.saver.discard().catch(() => {});
    if (!empty) toast({ text: t("compose.discarded"), undo: () => void this.#show(newEntry(draft)) });
  }

  #remove(c: Composition): void {
    this.#windows.value = this.windows.value.filter((other) => other !== c);
    c.stop();
  }

  /** Sends what a window has, now or at a time. False: something cannot be sent yet, and the window says what. */
  async send(c: Composition, at: Date | null = null): Promise<boolean> {
    c.flushEditor();
    c.sending.value = true;
    await c.uploads.settled();
    c.sending.value = false;
    if (c.draft.value.files.some((f) => !f.blobId)) {
      c.note.value = { is: "uploads" };
      return false;
    }
    const draft = c.draft.value;
    this.#windows.value = this.windows.value.filter((other) => other !== c);
    const uncertain = c.saver.state.value.is === "saving" || !!c.saver.uncertain;
    await c.saver.stop();
    c.stop();
    const hold = at ? 0 : this.#undoTime();
    const sending = newSending(draft, { replaces: c.saver.serverId, hold, at: at ? utc(at) : null, tidy: uncertain });
    void this.deliver(sending);
    return true;
  }

  /** Seconds in which a message can be taken back, if the server can hold it. */
  #undoTime(): number {
    const submission = this.mail.capabilities[capability.submission] as { maxDelayedSend?: number } | undefined;
    return submission?.maxDelayedSend ? preferences.undoSeconds.value : 0;
  }

  /** Sends, and says so. */
  async deliver(sending: Sending): Promise<Sending> {
    if (!sending.quick && this.mail.connection.status.value !== "online") toast({ text: t("compose.waits") });
    return this.outbox.add(sending);
  }

  #gone(s: Sending): void {
    if (s.answers) {
      const keyword = s.answers.how === "forward" ? "$forwarded" : "$answered";
      const update = { [s.answers.emailId]: { [`keywords/${keyword}`]: true } };
      void this.mail.connection.call("Email/set", { update }).catch(() => {});
    }
    if (s.tidy) void this.#tidy(s);
    if (s.quick && s.draft) {
      this.#arriving.value = [...this.arriving.value, s];
      later(5000, () => {
        this.#arriving.value = this.arriving.value.filter((other) => other.id !== s.id);
      });
    }
    if (s.quick || !s.draft) return;
    const text = s.at ? t("compose.scheduledFor", { when: dateTime(new Date(s.at)) }) : t("compose.sent");
    const undo = s.at ? () => void this.unschedule(s.submissionId!, s.emailId!) : () => void this.undo(s.id);
    toast({ text, ...((s.hold || s.at) && { undo, lasts: s.at ? 12_000 : s.hold * 1000 }) });
  }

  /** It has gone for good; unless it was taken back, and is open again or on its way again. */
  async #forget(key: string): Promise<void> {
    const again =
      this.windows.value.some((c) => c.key === key) ||
      this.outbox.list.value.some((s) => s.draft?.key === key && s.state !== "sent");
    if (!again) await this.journal.remove(key);
  }

  /** A version of the draft whose answer was lost may lie about. */
  async #tidy(s: Sending): Promise<void> {
    const found = await withMessageId(this.mail.connection, s.messageId).catch(() => []);
    const destroy = found.filter((f) => f.id !== s.emailId && f.version && f.keywords?.$draft).map((f) => f.id);
    if (destroy.length) await this.mail.connection.call("Email/set", { destroy }).catch(() => {});
  }

  /** Takes a message back that has just been sent, and opens it. */
  async undo(id: string): Promise<void> {
    const s = await this.outbox.undo(id).catch(() => null);
    if (!s?.draft) {
      toast({ text: t("compose.tooLate"), kind: "error" });
      return;
    }
    const c = await this.#show(newEntry(s.draft, s.emailId ?? s.replaces));
    if (c) c.note.value = { is: "undone" };
    void c?.resume();
  }

  /** Takes back what was to be sent later, and opens it. */
  async unschedule(submissionId: Id, emailId: Id): Promise<void> {
    if (await cancel(this.mail.connection, submissionId, await this.places(false)).catch(() => false))
      await this.open({ kind: "draft", emailId });
    else toast({ text: t("compose.tooLate"), kind: "error" });
  }

  /** Gives it another time; null: now. */
  async reschedule(submissionId: Id, emailId: Id, at: Date | null): Promise<void> {
    try {
      const { cleanDraft } = await import("./clean");
      const draft = fromEmail(await load(this.mail, emailId, true), this.mail.identities.value, cleanDraft);
      if (!(await cancel(this.mail.connection, submissionId, await this.places(false))))
        toast({ text: t("compose.tooLate"), kind: "error" });
      // The Date of the message is that of its time: it is made anew.
      else await this.deliver(newSending(draft, { replaces: emailId, at: at ? utc(at) : null }));
    } catch (error) {
      const { key, holes } = troubleOf(error);
      toast({ text: t(key, holes), kind: "error" });
    }
  }

  /** Opens a quick reply that was refused. */
  async reedit(s: Sending): Promise<void> {
    await this.outbox.drop(s.id);
    const c = await this.#show(newEntry(s.draft!, s.emailId ?? s.replaces));
    if (c && s.trouble) c.note.value = { is: "refused", why: s.trouble };
  }

  async #failed(s: Sending): Promise<void> {
    if (s.quick || !s.draft) return; // shown where it was written, or told to the program
    await this.outbox.drop(s.id);
    const c = await this.#show(newEntry(s.draft, s.emailId ?? s.replaces));
    if (c) c.note.value = { is: "refused", why: s.trouble! };
    announce(explain(s.trouble!));
    void c?.resume();
  }

  /** Where drafts, what was sent and what waits for its time lie. */
  places(scheduled: boolean): Promise<Places> {
    return findPlaces(this.mail, scheduled);
  }
}

/** A date as JMAP and SMTP write it: without fractions. */
const utc = (at: Date) => at.toISOString().replace(/\.\d+Z$/, "Z");

export function newSending(draft: Draft, more: Partial<Sending> = {}): Sending {
  return {
    id: randomId(),
    messageId: draft.messageId,
    draft,
    email: null,
    identityId: draft.identityId,
    to: recipients(draft).map((p) => p.email),
    hold: 0,
    at: null,
    answers: draft.answers,
    replaces: null,
    quick: false,
    tidy: false,
    state: "waiting",
    tried: false,
    emailId: null,
    submissionId: null,
    trouble: null,
    since: Date.now(),
    ...more,
  };
}
