import { t } from "../i18n";
import { ObjectError } from "../jmap/errors";
import type { Id, SetResponse } from "../jmap/types";
import type { Mail } from "../model";
import type { Places } from "./outbox";

/** Where drafts, what was sent and what waits for its time lie. What is missing is made. */
export async function findPlaces(mail: Mail, scheduled: boolean): Promise<Places> {
  await loaded(mail);
  return {
    drafts: await mailbox(mail, "drafts"),
    sent: await mailbox(mail, "sent"),
    scheduled: scheduled ? await mailbox(mail, "scheduled") : null,
  };
}

async function mailbox(mail: Mail, role: "drafts" | "sent" | "scheduled"): Promise<Id> {
  const known = mail.mailboxByRole(role);
  if (known) return known.id;
  const create = { m: { name: t(`compose.mailbox.${role}`), role } };
  const set = await mail.connection.call<SetResponse<{ id: Id }>>("Mailbox/set", { create });
  const id = set.created?.m?.id;
  if (!id) throw new ObjectError(set.notCreated?.m ?? { type: "serverFail" });
  return id;
}

function loaded(mail: Mail): Promise<void> {
  if (mail.ready.value) return Promise.resolve();
  return new Promise((resolve) => {
    const end = mail.ready.subscribe((is) => {
      if (!is) return;
      resolve();
      setTimeout(() => end());
    });
  });
}
