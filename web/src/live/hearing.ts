import { type ReadonlySignal, signal, type Signal as Value } from "@preact/signals";
import { type Clock, realClock } from "./clock";

/** A Signal of docs/jmap-live.md, as it arrives. */
export interface Heard {
  from: { contactId: string; email: string };
  state: string;
  threadId: string | null;
  sentAt: string;
  until: string | null;
}

export interface Doing {
  contactId: string;
  email: string;
  state: "composing" | "paused" | "reading";
}

export type Presence = "online" | "today" | "unknown";

interface Entry extends Doing {
  over: number; // by our clock
  sent: number; // by the server's
}

const conversation = new Set(["composing", "paused", "reading"]);

/**
 * What others do at this moment, by what the server has told of them: nothing is shown for longer than it holds, and nothing is known
 * once the connection is lost.
 *
 * `until` is the server's clock, which may differ from ours by hours. What counts is by how much a signal is later than the fastest one there
 * was: our clock at its arrival less `sentAt` is the difference of the clocks and the time on the way together, and the least of these is next to
 * the difference alone.
 */
export class Hearing {
  private readonly doing = new Map<string, Value<readonly Entry[]>>();
  private readonly watched = new Set<string>();
  private readonly people = new Map<string, Value<{ state: Presence; over: number; sent: number }>>();
  private difference = Number.POSITIVE_INFINITY;
  private callOff: (() => void) | undefined;

  constructor(private readonly clock: Clock = realClock) {}

  /** Who writes or reads in a thread: those who write come first. */
  in(threadId: string): ReadonlySignal<readonly Doing[]> {
    return this.thread(threadId);
  }

  presence(email: string): ReadonlySignal<{ state: Presence }> {
    return this.person(email);
  }

  heard(s: Heard): void {
    const sent = Date.parse(s.sentAt);
    if (Number.isNaN(sent) || !s.from?.email) return;
    if (s.state === "online" || s.state === "today" || s.state === "unknown") {
      this.meet(s, s.state, sent);
      return;
    }
    if (!conversation.has(s.state) && s.state !== "gone") return; // docs/jmap-live.md: unknown states are ignored
    const now = this.clock.now();
    this.difference = Math.min(this.difference, now - sent);
    const over = s.until === null ? Number.POSITIVE_INFINITY : Date.parse(s.until) + this.difference;
    if (s.threadId === null) return; // of a message that begins a thread: there is nowhere to show it yet
    this.set(s, sent, over);
  }

  /** A message has come: its author writes it no longer. */
  arrived(threadId: string, email: string): void {
    const of = this.doing.get(threadId);
    const rest = of?.peek().filter((e) => e.state === "reading" || !same(e.email, email));
    if (of && rest && rest.length !== of.peek().length) of.value = rest;
  }

  /** The connection is lost: nothing is known any more. */
  forget(): void {
    for (const of of this.doing.values()) if (of.peek().length > 0) of.value = [];
    for (const of of this.people.values()) of.value = nobody;
    this.difference = Number.POSITIVE_INFINITY;
    this.callOff?.();
    this.callOff = undefined;
  }

  private set(s: Heard, sent: number, over: number): void {
    const of = this.thread(s.threadId!);
    const before = of.peek().find((e) => e.contactId === s.from.contactId);
    if (before && before.sent > sent) return; // the newest holds
    const rest = of.peek().filter((e) => e !== before);
    const holds = s.state !== "gone" && over > this.clock.now();
    const entry = { contactId: s.from.contactId, email: s.from.email, state: s.state as Doing["state"], over, sent };
    of.value = holds ? [...rest, entry].sort(byState) : rest;
    this.wake();
  }

  private meet(s: Heard, state: Presence, sent: number): void {
    const of = this.person(s.from.email);
    if (of.peek().sent > sent && state !== "unknown") return;
    const day = state === "today" && s.until !== null ? Date.parse(s.until) - sent : Number.POSITIVE_INFINITY;
    of.value = { state, sent, over: this.clock.now() + day };
    this.wake();
  }

  /** Takes away what is over, and sleeps until the next end. */
  private wake(): void {
    const now = this.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [id, of] of this.doing) {
      const left = of.peek().filter((e) => e.over > now);
      if (left.length !== of.peek().length) of.value = left;
      for (const e of left) next = Math.min(next, e.over);
      this.tidy(id);
    }
    for (const of of this.people.values()) {
      if (of.peek().over <= now) of.value = nobody;
      next = Math.min(next, of.peek().over);
    }
    this.callOff?.();
    // A day is the most that a timer is set for: far away ends are looked at again then.
    this.callOff = Number.isFinite(next)
      ? this.clock.after(Math.min(Math.max(next - now, 50), 86_400_000), () => this.wake())
      : undefined;
  }

  private thread(id: string): Value<readonly Entry[]> {
    let of = this.doing.get(id);
    if (!of) {
      of = signal<readonly Entry[]>([], {
        watched: () => this.watched.add(id),
        unwatched: () => {
          this.watched.delete(id);
          this.tidy(id);
        },
      });
      this.doing.set(id, of);
    }
    return of;
  }

  /** A thread that nobody looks at, and in which nothing happens, is not kept. */
  private tidy(id: string): void {
    if (!this.watched.has(id) && this.doing.get(id)?.peek().length === 0) this.doing.delete(id);
  }

  private person(email: string): Value<{ state: Presence; over: number; sent: number }> {
    const key = email.toLowerCase();
    let of = this.people.get(key);
    if (!of) {
      of = signal(nobody);
      this.people.set(key, of);
    }
    return of;
  }
}

const nobody = { state: "unknown" as Presence, over: Number.POSITIVE_INFINITY, sent: Number.NEGATIVE_INFINITY };
const order = ["composing", "paused", "reading"];
const byState = (a: Entry, b: Entry) => order.indexOf(a.state) - order.indexOf(b.state) || a.sent - b.sent;
const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
