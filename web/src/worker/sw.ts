// The service worker: it starts the program without a connection, and shows what is pushed while no tab is open.
//
// Promises: only the program's own files are ever kept, and requests for anything else never pass through here; a new build takes over when the
// page says so, and not under somebody who writes; nothing is shown twice, since a page shows the same notification under the same tag.
import { call, keepAccount, readAccount } from "./account";
import { type Data, isTold, notice, patch, tagOf } from "./notice";
import type { MessageLike, NotificationLike, Page, Scope } from "./scope";
import { answerFile, answerPage, fill, kindOf, type Shell, tidy } from "./shell";

declare const self: Scope & { location: Location };
declare const SHELL: Shell; // written by the build

const core = "urn:ietf:params:jmap:core";
const mail = "urn:ietf:params:jmap:mail";
const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

self.addEventListener("install", (e) => {
  e.waitUntil(fill(SHELL, caches, (url, fresh) => fetch(url, { cache: fresh ? "reload" : "default" })));
});

self.addEventListener("activate", (e) => {
  e.waitUntil(Promise.all([tidy(SHELL, caches), self.registration.navigationPreload?.enable(), self.clients.claim()]));
});

self.addEventListener("fetch", (e) => {
  const kind = kindOf(e.request, self.location.origin);
  if (kind === "page") {
    e.respondWith(
      answerPage(
        Promise.resolve(e.preloadResponse).then((r) => r ?? fetch(e.request)),
        caches,
        wait,
      ),
    );
  }
  if (kind === "file") e.respondWith(answerFile(e.request, caches, fetch));
});

self.addEventListener("push", (e) => {
  let pushed: unknown;
  try {
    pushed = e.data?.json();
  } catch {
    return; // nothing of the server's
  }
  e.waitUntil(take(pushed as Record<string, unknown>));
});

async function take(pushed: Record<string, unknown> | null): Promise<void> {
  if (pushed?.["@type"] === "PushVerification") await verify(pushed);
  if (isTold(pushed)) await navigator.locks.request("notices", () => show(pushed)); // a page may show the same one
}

/** RFC 8620 7.2.2: the code comes back, so that the server knows that this is where its messages arrive. */
async function verify(pushed: Record<string, unknown>): Promise<void> {
  const account = await readAccount(caches);
  const id = pushed.pushSubscriptionId;
  if (!account || typeof id !== "string") return;
  await call(account, [core], "PushSubscription/set", {
    update: { [id]: { verificationCode: pushed.verificationCode } },
  });
}

async function show(told: Parameters<typeof notice>[0]): Promise<void> {
  const account = await readAccount(caches);
  if (!account || account.accountId !== told.accountId) return; // of who was signed in here before
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (pages.some(showsMail)) return; // who looks at the mail sees it come
  const shown = await self.registration.getNotifications({ tag: tagOf(told.threadId) });
  const one = notice(
    told,
    shown.map((n) => n.data as Data),
    account.words,
  );
  if (one) await self.registration.showNotification(one.title, one.options as NotificationOptions);
}

const showsMail = (p: Page) =>
  p.visibilityState === "visible" && p.focused && new URL(p.url).pathname.startsWith("/mail");

self.addEventListener("notificationclick", (e) => {
  e.notification.close();
  e.waitUntil(clicked(e));
});

async function clicked({ action, notification }: NotificationLike): Promise<void> {
  const data = notification.data as Data;
  const account = await readAccount(caches);
  const change = account && patch(action, account.boxes);
  if (change) {
    try {
      const update = Object.fromEntries(data.emailIds.map((id) => [id, change]));
      await call(account, [core, mail], "Email/set", { accountId: data.accountId, update });
      return;
    } catch {
      // Signed out, or no connection: the page says which.
    }
  }
  await open(data, action === "reply");
}

/** Has a page show the conversation: one that is there, or a new one. */
async function open(data: Data, reply: boolean): Promise<void> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page: Page | undefined = pages.find((p) => p.focused) ?? pages[0];
  if (page) {
    page.postMessage({ type: "open", threadId: data.threadId, emailId: data.emailIds.at(-1), reply });
    await page.focus();
    return;
  }
  const last = data.emailIds.at(-1);
  const asked = reply && last ? `?reply=${encodeURIComponent(last)}` : "";
  await self.clients.openWindow(`/mail/inbox/${encodeURIComponent(data.threadId)}${asked}`);
}

self.addEventListener("message", (e: MessageLike) => {
  const message = e.data as { type?: string; account?: Parameters<typeof keepAccount>[1] } | null;
  if (message?.type === "account") e.waitUntil(keepAccount(caches, message.account ?? null));
  if (message?.type === "takeOver") e.waitUntil(self.skipWaiting());
});

/** The push service has given up a subscription. The next page makes another one; until then nothing comes. */
self.addEventListener("pushsubscriptionchange", (e) => {
  e.waitUntil(
    self.clients
      .matchAll({ type: "window", includeUncontrolled: true })
      .then((all) => all[0]?.postMessage({ type: "resubscribe" })),
  );
});
