import { ObjectError } from "../jmap/errors";
import type { EmailSubmission, SetResponse } from "../jmap/types";
import type { Mail } from "../model";

/** Whether something is certainly no address. What an address is in the end, its server says. */
export function wrongAddress(text: string): boolean {
  return !/^[^\s@<>,;]+@[^\s@<>,;]+$/u.test(text);
}

/**
 * Hands an email in once more, for one recipient: an envelope of its own (RFC 8621 7.5), the message as it was. Not tried again by itself
 * where no answer comes, since it may have been sent.
 */
export async function again(mail: Mail, before: EmailSubmission, to: string): Promise<void> {
  const answer = await mail.connection.call<SetResponse>("EmailSubmission/set", {
    create: {
      again: {
        identityId: before.identityId,
        emailId: before.emailId,
        envelope: { mailFrom: { email: before.envelope.mailFrom.email }, rcptTo: [{ email: to }] },
      },
    },
  });
  const refused = answer.notCreated?.again;
  if (refused) throw new ObjectError(refused);
}
