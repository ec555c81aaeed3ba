// Where pictures are to be had: at our server, which fetches them (docs/jmap-mail.md).
import { capability } from "../../jmap";
import type { Mail } from "../../model";

const signed = new WeakMap<Mail, Map<string, string>>();

/** sign asks where pictures are at our server. What cannot be had is missing. */
export async function sign(mail: Mail, urls: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const before = signed.get(mail);
  const known = before && before.size < 5000 ? before : new Map<string, string>();
  signed.set(mail, known);
  const missing = urls.filter((url) => !known.has(url));
  const limit = Number(mail.capabilities[capability.pictures]?.maxUrlsInSign ?? 100);
  for (let at = 0; at < missing.length; at += limit) {
    const answer = await mail.connection.call<{ signed: Record<string, string> | null }>("Picture/sign", {
      accountId: mail.accountId,
      urls: missing.slice(at, at + limit),
    });
    for (const [url, path] of Object.entries(answer.signed ?? {})) known.set(url, path);
  }
  return known;
}
