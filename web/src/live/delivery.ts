// What became of a message, from what the server tells of it (docs/message-status.md): the one state that a tick shows, and one for each
// recipient.

/** A step on the way, as `timeline` of an EmailSubmission has it. */
export interface Step {
  state: string;
  at: string;
  by: string | null;
  reply: string | null;
}

/** What is known of a message at one recipient (RFC 8621 7). */
export interface DeliveryStatus {
  smtpReply: string;
  delivered: string;
  displayed: string;
}

export interface Submission {
  undoStatus?: string;
  sendAt?: string | null;
  deliveryStatus?: Record<string, DeliveryStatus> | null;
  timeline?: Record<string, readonly Step[]>;
}

/** From the worst to the best, in the order in which they hold for a message with several recipients. */
export const states = ["failed", "delayed", "canceled", "scheduled", "sending", "sent", "delivered", "read"] as const;
export type State = (typeof states)[number];

export interface Recipient {
  email: string;
  state: State;
  /** When it came to be so. */
  at: Date | undefined;
  /** What the server that has answered last said, as it said it. */
  words: string | undefined;
  steps: readonly Step[];
}

// The state after a step. A step of a kind that we do not know changes nothing.
const after: Record<string, State> = {
  queued: "sending",
  attempted: "sending",
  deferred: "delayed",
  relayed: "sent",
  delivered: "delivered",
  displayed: "read",
  failed: "failed",
  expired: "failed",
  canceled: "canceled",
};

/** Of a message that has several recipients: what holds of the one who is worst off. What was taken back for one is no matter for the others. */
export function together(all: readonly State[]): State | undefined {
  const counted = all.some((s) => s !== "canceled") ? all.filter((s) => s !== "canceled") : all;
  return states.find((s) => counted.includes(s));
}

export function ofRecipient(email: string, steps: readonly Step[], status?: DeliveryStatus): Recipient {
  let state: State = "sending";
  let at: string | undefined;
  let words: string | undefined;
  for (const step of steps) {
    const next = after[step.state];
    if (!next) continue;
    // Another attempt at what is delayed is still a delay, until it has come to something.
    if (!(state === "delayed" && step.state === "attempted") && next !== state) {
      state = next;
      at = step.at;
    }
    if (step.reply) words = step.reply;
  }
  if (steps.length === 0 && status) state = ofStatus(status);
  words ??= status?.smtpReply || undefined;
  return { email, state, at: at ? new Date(at) : undefined, words, steps };
}

/** From the property of RFC 8621 alone, for a server that has no timeline. */
function ofStatus(s: DeliveryStatus): State {
  if (s.delivered === "no") return "failed";
  if (s.displayed === "yes") return "read";
  if (s.delivered === "yes") return "delivered";
  if (s.delivered === "unknown") return "sent";
  return s.smtpReply.startsWith("4") ? "delayed" : "sending";
}

/** All recipients of a submission, those first of whom something is to be done. */
export function recipients(sub: Submission, now = new Date()): Recipient[] {
  const statuses = sub.deliveryStatus ?? {};
  const emails = new Set([...Object.keys(sub.timeline ?? {}), ...Object.keys(statuses)]);
  const waits = sub.undoStatus === "pending" && sub.sendAt != null && new Date(sub.sendAt) > now;
  const all = [...emails].map((email) => {
    const r = ofRecipient(email, sub.timeline?.[email] ?? [], statuses[email]);
    if (sub.undoStatus === "canceled") return { ...r, state: "canceled" as const };
    return waits && r.state === "sending" ? { ...r, state: "scheduled" as const, at: new Date(sub.sendAt!) } : r;
  });
  return all.sort((a, b) => states.indexOf(a.state) - states.indexOf(b.state));
}

/** Of the newest submission of a message and those before it: a recipient that it was sent to again counts as it is now. */
export function ofSubmissions(all: readonly Submission[], now = new Date()): Recipient[] {
  const newest = new Map<string, Recipient>();
  for (const sub of [...all].sort((a, b) => Date.parse(a.sendAt ?? "") - Date.parse(b.sendAt ?? ""))) {
    for (const r of recipients(sub, now)) newest.set(r.email.toLowerCase(), r);
  }
  return [...newest.values()].sort((a, b) => states.indexOf(a.state) - states.indexOf(b.state));
}

/** From the keywords of the copy in Sent, which a list has at hand. Without any of ours it is a message that was sent. */
export function ofKeywords(keywords: Readonly<Record<string, boolean>>): State | undefined {
  if (keywords.$draft) return undefined;
  if (keywords.$undelivered) return "failed";
  if (keywords.$delayed) return "delayed";
  if (keywords.$displayed) return "read";
  return keywords.$delivered ? "delivered" : "sent";
}

/**
 * What an enhanced status code (RFC 3463) in a reply means to the person who sent the message: the part of a key, or undefined where the
 * words of the server have to do.
 */
export function reason(words: string | undefined): Reason | undefined {
  const code = words?.match(/\b[45]\.(\d{1,3})\.(\d{1,3})\b/);
  if (!code) return undefined;
  const [, subject, detail] = code.map(Number) as [number, number, number];
  return reasons[`${subject}.${detail}`] ?? reasons[subject];
}

export type Reason = "unknownAddress" | "noMail" | "full" | "tooLarge" | "unreachable" | "refused" | "unsigned";

// RFC 3463 3: by subject and detail, or by the subject alone.
const reasons: Record<string, Reason> = {
  "1.1": "unknownAddress", // bad destination mailbox address
  "1.2": "unknownAddress", // bad destination system address
  "1.3": "unknownAddress",
  "1.6": "unknownAddress", // moved, no forwarding address
  "1.10": "noMail", // RFC 7505: null MX
  "2.1": "noMail", // mailbox disabled
  "2.2": "full",
  "2.3": "tooLarge",
  "3.4": "tooLarge",
  "4": "unreachable", // network and routing
  "7": "refused", // security and policy
  "7.20": "unsigned", // RFC 7372: no passing DKIM signature
  "7.26": "unsigned",
};
