import type { Sendable } from "../app/ports";
import { ObjectError } from "../jmap/errors";
import { type Desk, newSending } from "./desk";
import { emptyDraft } from "./draft";
import { load } from "./original";
import { answering, tied } from "./reply";

/** Sends what a program has written. Resolves when the server has it; rejects when it was refused. */
export async function sendOf(desk: Desk, message: Sendable): Promise<void> {
  const identities = desk.mail.identities.value;
  const answered = message.answers ? await load(desk.mail, message.answers) : null;
  const identity = answered ? answering(answered, identities) : identities[0];
  const tie = answered ? tied(answered) : null;
  const email = {
    to: message.to.map(named),
    ...(message.cc?.length && { cc: message.cc.map(named) }),
    subject: message.subject,
    ...(tie?.inReplyTo.length && tie),
    bodyStructure: message.bodyStructure,
    bodyValues: message.bodyValues,
  };
  const to = [...message.to, ...(message.cc ?? [])].map((p) => p.email);
  const sending = newSending(emptyDraft(identity), { quick: true, draft: null, email, to });
  const done = await desk.outbox.add(sending);
  if (done.state !== "failed") return;
  await desk.outbox.drop(done.id);
  throw new ObjectError({ type: done.trouble!.type, description: done.trouble!.description });
}

const named = (p: { name?: string | null; email: string }) => ({ name: p.name || null, email: p.email });
