import { ObjectError } from "../jmap/errors";
import type { Id } from "../jmap/types";
import type { Mail } from "../model";
import { newestBlobs } from "./composition";
import { type Draft, toEmail } from "./draft";
import type { Journal } from "./journal";
import type { Places, Prepared, Sending } from "./outbox";
import { Uploads } from "./uploads";

/** Makes the email of what is to be sent; what is not uploaded yet is uploaded first. */
export async function prepare(mail: Mail, journal: Journal, s: Sending, places: Places): Promise<Prepared> {
  const all = mail.identities.value;
  const from = all.find((i) => i.id === (s.draft?.identityId ?? s.identityId)) ?? all[0];
  if (!from) throw new ObjectError({ type: "forbiddenFrom" });
  const base = { from: from.email, identityId: from.id, to: s.to };
  if (!s.draft) {
    const fields = {
      mailboxIds: { [places.drafts]: true },
      keywords: { $draft: true, $seen: true },
      messageId: [s.messageId],
    };
    return { ...base, email: { ...fields, from: [{ name: from.name || null, email: from.email }], ...s.email } };
  }
  const draft = { ...s.draft, files: await uploaded(mail, journal, s.draft, s.replaces) };
  const at = s.at ? { at: new Date(s.at) } : {};
  return { ...base, email: toEmail(draft, { from, mailboxId: places.drafts, ...at }) };
}

/** The files of a draft, all of them with the server. */
async function uploaded(mail: Mail, journal: Journal, draft: Draft, replaces: Id | null): Promise<Draft["files"]> {
  const known = replaces && draft.files.length ? await newestBlobs(mail.connection, replaces, draft.files) : null;
  let files = draft.files.map((f) => ({ ...f, blobId: known?.get(f.id) ?? f.blobId }));
  const uploads = new Uploads({
    key: draft.key,
    journal,
    upload: (data, o) => mail.connection.upload(data, o),
    done: (id, blobId) => {
      files = files.map((f) => (f.id === id ? { ...f, blobId } : f));
    },
  });
  await Promise.all(files.filter((f) => !f.blobId).map((f) => uploads.send(f.id)));
  const error = [...uploads.progress.value.values()].find((p) => p.error)?.error;
  if (error) throw error;
  return files;
}
