// What stories about people who talk begin with.
import type { Person } from "../harness/index.ts";

interface Message {
  to: Person | string;
  subject: string;
  text: string;
  answers?: string; // the Message-ID, without brackets
}

let written = 0;

/** Sends a message as another device of theirs would, and returns its Message-ID and the ids it has there. */
export async function write(
  from: Person,
  m: Message,
): Promise<{ messageId: string; emailId: string; threadId: string }> {
  const { jmap, account } = from;
  const { list } = await jmap.call("Identity/get", { ids: null });
  const messageId = `talk-${process.pid}-${++written}@example.org`;
  const email = {
    mailboxIds: { [await jmap.mailbox("sent")]: true },
    keywords: { $seen: true },
    from: [{ name: account.name, email: account.address }],
    to: [typeof m.to === "string" ? { email: m.to } : { name: m.to.account.name, email: m.to.account.address }],
    subject: m.subject,
    messageId: [messageId],
    ...(m.answers && { inReplyTo: [m.answers], references: [m.answers] }),
    bodyStructure: { partId: "1", type: "text/plain" },
    bodyValues: { 1: { value: m.text } },
  };
  const { created } = await jmap.call("Email/set", { create: { e: email } });
  await jmap.call("EmailSubmission/set", { create: { s: { identityId: list[0].id, emailId: created.e.id } } });
  return { messageId, emailId: created.e.id, threadId: created.e.threadId };
}

/** Two people who have written to each other: the thread, as each of them has it. */
export async function talk(
  a: Person,
  b: Person,
  subject: string,
): Promise<{ ofA: string; ofB: string; messageId: string }> {
  const first = await write(a, { to: b, subject, text: `Hello ${b.account.name}` });
  const answer = await write(b, {
    to: a,
    subject: `Re: ${subject}`,
    text: `Hello ${a.account.name}`,
    answers: first.messageId,
  });
  return { ofA: first.threadId, ofB: answer.threadId, messageId: answer.messageId };
}
