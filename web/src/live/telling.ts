import { type Clock, realClock } from "./clock";

/** What others are told that we do in a conversation. */
export type Act = "composing" | "paused" | "reading" | "gone";

/** How a state is said: nothing comes back, and what cannot be said now is not said later (docs/jmap-live.md). */
export type Say = (to: readonly string[], state: Act, emailId: string | null) => void;

export const repeat = 20_000; // docs/jmap-live.md: a state is said again every 20 seconds, before it is over after 30
export const quiet = 5_000; // without a key for that long, writing has paused
export const away = 60_000; // and without any sign of life for that long, the user is not there

/** About whom and what: the others in To and Cc, never those in Bcc, who would show themselves so. */
export interface About {
  to: readonly string[];
  emailId: string | null;
}

/**
 * What the user does in one conversation. Writing goes before reading; each state is said when it begins and again while it lasts, and the end
 * of all of them once.
 */
export class Telling {
  private said: Act = "gone";
  private toldTo: readonly string[] = [];
  private lastKey = Number.NEGATIVE_INFINITY;
  private lastLife = Number.NEGATIVE_INFINITY;
  private open = false;
  private sight = false;
  private saidAt = 0;
  private callOff: (() => void) | undefined;

  constructor(
    private about: About,
    private readonly say: Say,
    private readonly clock: Clock = realClock,
  ) {}

  /** Other recipients from now on. Those who are left out learn that it is over. */
  aboutOf(about: About): void {
    const left = this.toldTo.filter((a) => !about.to.includes(a));
    if (this.said !== "gone" && left.length > 0) this.say(left, "gone", this.about.emailId);
    this.about = about;
    this.toldTo = this.toldTo.filter((a) => about.to.includes(a));
    if (this.said !== "gone" && about.to.some((a) => !this.toldTo.includes(a))) this.tell(this.said);
  }

  /** A key was struck in the message. */
  key(): void {
    this.lastKey = this.clock.now();
    this.open = true;
    this.alive();
    this.look();
  }

  /** The message was sent, closed or emptied. */
  closed(): void {
    this.open = false;
    this.lastKey = Number.NEGATIVE_INFINITY;
    this.look();
  }

  /** A message of the conversation came into sight, or left it. */
  inSight(is: boolean): void {
    this.sight = is;
    if (is) this.alive();
    this.look();
  }

  /** The user is there: a pointer or a key has moved. */
  alive(): void {
    const was = this.isThere();
    this.lastLife = this.clock.now();
    if (!was && this.sight) this.look();
  }

  /** There is a connection (again), or one of those who are told is there: they know nothing yet. */
  again(to: readonly string[] = this.about.to): void {
    const whom = this.about.to.filter((a) => to.some((b) => a.toLowerCase() === b.toLowerCase()));
    if (this.said !== "gone" && whom.length > 0) this.say(whom, this.said, this.about.emailId);
  }

  end(): void {
    this.open = false;
    this.sight = false;
    this.look();
  }

  private isThere(): boolean {
    return this.clock.now() - this.lastLife < away;
  }

  private now(): Act {
    if (this.open && this.clock.now() - this.lastKey < quiet) return "composing";
    if (this.open && this.isThere()) return "paused";
    return this.sight && this.isThere() ? "reading" : "gone";
  }

  /** Says what is new, says again what lasts, and comes back when something may have ended. */
  private look(): void {
    const act = this.now();
    const due = act !== "gone" && this.clock.now() - this.saidAt >= repeat;
    if (act !== this.said || due) this.tell(act);
    this.callOff?.();
    this.callOff = undefined;
    if (act === "gone") return;
    const now = this.clock.now();
    const ends = act === "composing" ? this.lastKey + quiet : this.lastLife + away;
    this.callOff = this.clock.after(Math.max(0, Math.min(ends, this.saidAt + repeat) - now), () => this.look());
  }

  private tell(act: Act): void {
    this.said = act;
    this.saidAt = this.clock.now();
    const to = act === "gone" ? this.toldTo : this.about.to;
    this.toldTo = act === "gone" ? [] : this.about.to;
    if (to.length > 0) this.say(to, act, this.about.emailId);
  }
}

/** The others of a message or a draft that are told: each once, without ourselves, and nobody where there are too many. */
export function others(
  groups: readonly (readonly { email: string }[] | null | undefined)[],
  own: ReadonlySet<string>,
  most: number,
): string[] {
  const all = new Map<string, string>();
  for (const group of groups) {
    for (const { email } of group ?? []) {
      const key = email.toLowerCase();
      if (email.includes("@") && !own.has(key) && !all.has(key)) all.set(key, email);
    }
  }
  return all.size <= most ? [...all.values()] : [];
}
