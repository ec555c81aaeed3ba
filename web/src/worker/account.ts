// What a page leaves for the worker, which has no session of its own to ask: where JMAP is, whose mail it is, and words. No mail, no secret:
// requests are authenticated by the browser's cookie.
import type { Words } from "./notice";

export interface Account {
  apiUrl: string;
  accountId: string;
  boxes: { inbox?: string | undefined; archive?: string | undefined };
  words: Words;
}

const store = "account";
const entry = "/account"; // of the cache; no address of the server

export async function keepAccount(caches: CacheStorage, account: Account | null): Promise<void> {
  if (!account) {
    await caches.delete(store);
    return;
  }
  await (await caches.open(store)).put(entry, new Response(JSON.stringify(account)));
}

export async function readAccount(caches: CacheStorage): Promise<Account | null> {
  try {
    const kept = await (await caches.open(store)).match(entry);
    return kept ? ((await kept.json()) as Account) : null;
  } catch {
    return null;
  }
}

type Call = [string, Record<string, unknown>, string];

/** Makes one call (RFC 8620 3.3). Rejects where it was not carried out. */
export async function call(
  account: Account,
  using: string[],
  name: string,
  args: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const response = await fetch(account.apiUrl, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ using, methodCalls: [[name, args, "0"] satisfies Call] }),
  });
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const answer = ((await response.json()) as { methodResponses: Call[] }).methodResponses[0];
  if (!answer || answer[0] !== name) throw new Error(`${name}: ${JSON.stringify(answer?.[1])}`);
  return answer[1];
}
