// What a room shows of another one, without knowing it: rooms of one floor do not import each other. wire.ts fills the ports when the
// program starts; a port that is empty shows nothing.
import { type Signal, signal } from "@preact/signals";
import { type ComponentType, h } from "preact";
import type { Email, EmailFilter, Id, Mailbox } from "../jmap/types";

/** Components, by name, with what they are given. */
export interface Slots {
  /** What became of a message one has sent: live. */
  Ticks: { emailId: Id; long?: boolean };
  /** Who is writing in a thread. */
  TypingLine: { threadId: Id; short?: boolean };
  /** Whether a person is there. */
  PresenceDot: { email: string };
  /** The reactions to a message; nothing where there are none. */
  Reactions: { emailId: Id };
  /** The button to react to a message with. */
  React: { emailId: Id };
  /** The line to answer with, at the foot of a conversation. */
  QuickReply: { threadId: Id };
  /** What of a thread is still on its way from this device. */
  Pending: { threadId: Id };
  /** Of a message that is sent later: when, and how one changes that. */
  Scheduled: { emailId: Id };
  /** The rich editor, for signatures. */
  Editor: { html: string; label: string; onChange: (html: string) => void };
}

const slots = new Map<keyof Slots, Signal<ComponentType<never> | null>>();

function slot<N extends keyof Slots>(name: N): Signal<ComponentType<never> | null> {
  let s = slots.get(name);
  if (!s) {
    s = signal(null);
    slots.set(name, s);
  }
  return s;
}

export function fill<N extends keyof Slots>(name: N, component: ComponentType<Slots[N]>): void {
  slot(name).value = component as ComponentType<never>;
}

/** Whether a port is filled: who needs what is shown there can do without. */
export const filled = (name: keyof Slots): boolean => slot(name).value !== null;

/** Shows what fills a port: `<Slot name="Ticks" emailId={id} />`. */
export function Slot<N extends keyof Slots>({ name, ...props }: { name: N } & Slots[N]) {
  const component = slot(name).value as ComponentType<object> | null;
  return component && h(component, props);
}

export type Compose =
  | { kind: "new"; to?: string; cc?: string; bcc?: string; subject?: string; body?: string }
  | { kind: "reply" | "replyAll" | "forward" | "forwardAttached"; emailId: Id }
  | { kind: "draft"; emailId: Id }
  | { kind: "mailto"; uri: string }; // RFC 6068

/** What can be asked of other rooms. */
export interface Acts {
  /** Opens the composer. */
  compose: (what: Compose) => void;
  /** Sends a mail that a program has written (a reaction, an answer to an invitation), with what is around it. Resolves when the server has it. */
  send: (message: Sendable) => Promise<void>;
  /**
   * Somebody writes to these people, in To and Cc, in answer to an email or not: "composing" is said at every key (it is cheap: who hears of it
   * and how often is decided in live), "gone" when the message is sent, closed or emptied. That writing has paused is found by itself.
   */
  typing: (state: "composing" | "paused" | "gone", to: readonly string[], emailId: Id | null) => void;
  /** Opens a choice at a place of the window: of the time to snooze emails to, of the mailbox to move them to, of their labels. */
  chooseSnooze: (emailIds: readonly Id[], at: { x: number; y: number }, done?: () => void) => void;
  chooseMailbox: (emailIds: readonly Id[], at: { x: number; y: number }, done?: () => void) => void;
  chooseLabels: (emailIds: readonly Id[], at: { x: number; y: number }) => void;
  /** The threads beside the open one in the list it was opened from; null where the list ends. */
  neighbours: (threadId: Id) => { next: Id | null; previous: Id | null };
  /** Notifications on this device while no page is open: whether something stands against them, and to begin and to end them. */
  pushHindrance: () => Promise<"unsupported" | "denied" | "noWorker" | null>;
  enablePush: () => Promise<boolean>;
  disablePush: () => Promise<void>;
  /** What was typed to search for, as a filter; with what of it was not understood, in words. */
  asFilter: (
    text: string,
    mailboxes: readonly Mailbox[],
  ) => { filter: EmailFilter; problems: readonly string[]; mailboxId?: Id };
  /** Somebody has an email in sight, or no more. */
  reading: (emailId: Id | null) => void;
  /** The emails of a conversation that are reactions and nothing else: they are shown under the message they belong to, and not by themselves. */
  folded: (emails: readonly Email[]) => ReadonlySet<Id>;
}

/** A mail to be sent: bodyStructure and bodyValues are those of Email/set (RFC 8621 4.6); From, Date and Message-ID are added. */
export interface Sendable {
  to: readonly { name?: string | null; email: string }[];
  cc?: readonly { name?: string | null; email: string }[];
  subject: string;
  answers?: Id; // the email that it answers: In-Reply-To, References, and the identity
  bodyStructure: object;
  bodyValues: Record<string, { value: string }>;
}

const acts: Partial<Acts> = {};

export function provide<N extends keyof Acts>(name: N, act: Acts[N]): void {
  acts[name] = act;
}

export function act<N extends keyof Acts>(name: N): Acts[N] {
  return ((...args: never[]) => (acts[name] as ((...args: never[]) => unknown) | undefined)?.(...args)) as Acts[N];
}

const forgetters = new Set<() => void>();

/** Has f called when what this device has noted of somebody's mail is to go: they sign out, or somebody else signs in. */
export function whenForgetting(f: () => void): void {
  forgetters.add(f);
}

export function forgetAll(): void {
  for (const f of forgetters) f();
}

const leavers = new Set<() => Promise<void>>();

/** Has f called when somebody signs out: what a room has to put away first. The result takes it back. */
export function whenLeaving(f: () => Promise<void>): () => void {
  leavers.add(f);
  return () => leavers.delete(f);
}

/** Waits until all have put away what is theirs, but not for long: signing out must not hang. */
export async function leaving(most = 5_000): Promise<void> {
  const all = Promise.allSettled([...leavers].map((f) => f()));
  await Promise.race([all, new Promise((done) => setTimeout(done, most))]);
}
