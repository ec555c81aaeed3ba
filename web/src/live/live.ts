import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Connection } from "../jmap/connection";
import { capability, type Email, type Id, type Signal } from "../jmap/types";
import type { Mail } from "../model";
import { type Clock, realClock } from "./clock";
import { Hearing } from "./hearing";
import { type Act, others, Telling } from "./telling";

/** What the account has of docs/jmap-live.md. */
interface Limits {
  maxSignalRecipients: number;
}

const hiddenTime = 60_000; // a tab that nobody has seen for that long hears no signals: it shows nobody anything

/** What is live about an account: who does what, and what others are told of us. One while somebody is signed in. */
export class Live {
  readonly hearing: Hearing;
  /** The addresses that are ours, in lower case. */
  readonly own: ReadonlySignal<ReadonlySet<string>>;
  private readonly tellings = new Map<string, Telling>();
  private inSight: Telling | undefined; // of the conversation that is looked at
  private stopReading: () => void = () => {};
  private readonly stops: (() => void)[] = [];

  constructor(
    readonly mail: Mail,
    private readonly clock: Clock = realClock,
  ) {
    this.hearing = new Hearing(clock);
    this.own = computed(
      () => new Set([mail.login, ...mail.identities.value.map((i) => i.email)].map((a) => a.toLowerCase())),
    );
    if (!mail.has(capability.live)) return;
    const { connection } = mail;
    this.stops.push(connection.on("Signal", (s) => s.accountId === mail.accountId && this.heard(s)));
    this.stops.push(connection.on("Notification", (n) => n.from && this.hearing.arrived(n.threadId, n.from.email)));
    this.stops.push(
      effect(() => {
        if (connection.status.value !== "online") this.hearing.forget();
        else for (const telling of this.tellings.values()) telling.again();
      }),
    );
    this.stops.push(this.hearWhileSeen(connection), this.watchLife());
  }

  /** A key was struck in a message to these people, or it was sent, closed or emptied. */
  typing(state: "composing" | "paused" | "gone", to: readonly string[], emailId: Id | null): void {
    const telling = this.telling(emailId, to);
    if (state === "composing") telling.key();
    if (state === "gone") telling.closed();
  }

  /** An email is in sight; null: none is. */
  reading(emailId: Id | null): void {
    this.stopReading();
    if (!emailId) return;
    const email = this.mail.email(emailId);
    let telling: Telling | undefined;
    const begin = effect(() => {
      const { from, to, cc } = email.value ?? {};
      if (!from || telling) return; // not loaded yet
      telling = this.telling(
        emailId,
        [...from, ...(to ?? []), ...(cc ?? [])].map((a) => a.email),
      );
      this.inSight = telling;
      telling.inSight(!document.hidden);
    });
    this.stopReading = () => {
      begin();
      telling?.inSight(false);
      this.inSight = undefined;
      this.stopReading = () => {};
    };
  }

  isOwn(email: Email): boolean {
    return !!email.from?.some((a) => this.own.value.has(a.email.toLowerCase()));
  }

  stop(): void {
    for (const telling of this.tellings.values()) telling.end();
    for (const stop of this.stops) stop();
    this.hearing.forget();
  }

  private heard(s: Signal): void {
    this.hearing.heard(s);
    if (s.state === "online") for (const telling of this.tellings.values()) telling.again([s.from.email]);
  }

  /** One for each conversation, so that reading and writing in it do not contradict each other. */
  private telling(emailId: Id | null, to: readonly string[]): Telling {
    const key = this.keyOf(emailId);
    const about = { to: others([to.map((email) => ({ email }))], this.own.peek(), this.mostRecipients()), emailId };
    const there = this.tellings.get(key);
    if (there) {
      there.aboutOf(about);
      return there;
    }
    const made = new Telling(about, (whom, state, about) => this.say(whom, state, about), this.clock);
    this.tellings.set(key, made);
    return made;
  }

  private keyOf(emailId: Id | null): string {
    return (emailId && this.mail.email(emailId).peek()?.threadId) ?? "new";
  }

  private mostRecipients(): number {
    const has = this.mail.capabilities[capability.live] as Partial<Limits> | undefined;
    return has?.maxSignalRecipients ?? 0;
  }

  /** Dropped where there is no connection, or where the account does not want it told: the server would drop it, too. */
  private say(to: readonly string[], state: Act, emailId: Id | null): void {
    const { connection, liveSettings } = this.mail;
    const shows = liveSettings.value.peek();
    if (connection.status.peek() !== "online" || shows?.showsPresence === false) return;
    if (state === "reading" && shows?.showsReading === false) return;
    if ((state === "composing" || state === "paused") && shows?.showsTyping === false) return;
    connection.call("Signal/send", { to, state, emailId }).catch(() => {}); // rateLimit and the like: it is worth nothing later
  }

  /** docs/jmap-live.md: who shows nobody anything does not name Signal, and so is not there. */
  private hearWhileSeen(connection: Connection): () => void {
    let callOff = () => {};
    const look = () => {
      callOff();
      if (!document.hidden) connection.hear("Signal", true);
      else
        callOff = this.clock.after(hiddenTime, () => {
          connection.hear("Signal", false);
          this.hearing.forget();
        });
      this.inSight?.inSight(!document.hidden);
    };
    document.addEventListener("visibilitychange", look);
    look();
    return () => {
      callOff();
      connection.hear("Signal", false);
      document.removeEventListener("visibilitychange", look);
    };
  }

  private watchLife(): () => void {
    let last = Number.NEGATIVE_INFINITY;
    const alive = () => {
      if (this.clock.now() - last < 1_000) return;
      last = this.clock.now();
      this.inSight?.alive();
    };
    const signs = ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"] as const;
    for (const sign of signs) addEventListener(sign, alive, { passive: true, capture: true });
    return () => {
      for (const sign of signs) removeEventListener(sign, alive, { capture: true });
    };
  }
}

/** What is live now; null while nobody is signed in. */
export const live = signal<Live | null>(null);
