// Web Push: notifications while no page is open (RFC 8620 7.2, RFC 9749). The browser's push service cannot read them (RFC 8291).

import { MethodError, ObjectError } from "../jmap";
import { capability, type Id, type PushSubscription as Kept, type SetResponse } from "../jmap/types";
import type { Mail } from "../model";
import { preferences } from "../preferences";
import { service } from "./service";

const day = 86_400_000;
const renewBefore = 15 * day; // the server keeps one for 30 days
const keptFor = 30 * day;

/** Why there is no push on this device; null: there can be. */
export type Hindrance = "unsupported" | "denied" | "noWorker";

/** The key that the server signs with (RFC 9749 3). */
function serverKey(mail: Mail): string | undefined {
  return mail.connection.session.capabilities[capability.vapid]?.applicationServerKey as string | undefined;
}

export async function hindrance(mail: Mail): Promise<Hindrance | null> {
  if (!("PushManager" in window) || !("Notification" in window) || !serverKey(mail)) return "unsupported";
  if (Notification.permission === "denied") return "denied";
  return (await service()) ? null : "noWorker";
}

/** Has this device told of mail while no page is open. Asks the browser's user if need be; false: they have said no. */
export async function enablePush(mail: Mail): Promise<boolean> {
  if ((await Notification.requestPermission()) !== "granted") return false;
  const registration = await service();
  if (!registration) return false;
  await navigator.serviceWorker.ready;
  const browser = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytesOf(serverKey(mail)!),
  });
  await subscribe(mail, browser);
  preferences.push.set(true);
  return true;
}

async function subscribe(mail: Mail, browser: PushSubscription): Promise<void> {
  const { endpoint, keys } = browser.toJSON();
  await forget(mail, deviceId());
  const answer = await mail.connection.call<SetResponse<Kept>>("PushSubscription/set", {
    create: {
      here: {
        deviceClientId: deviceId(),
        url: endpoint,
        keys: { p256dh: keys!.p256dh, auth: keys!.auth },
        types: ["Notification"],
        expires: date(Date.now() + keptFor),
      },
    },
  });
  const refused = answer.notCreated?.here;
  if (refused) throw new ObjectError(refused);
}

/** Ends it. What the server knows goes first: without it the browser's part is of no use. */
export async function disablePush(mail: Mail): Promise<void> {
  preferences.push.set(false);
  await forget(mail, deviceId());
  const registration = await service();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}

/** Keeps a subscription going: makes another one where either side has lost it, and puts off its end. */
export async function renewPush(mail: Mail, now = Date.now()): Promise<void> {
  if (!preferences.push.peek() || (await hindrance(mail)) !== null) return;
  const registration = await service();
  const browser = await registration!.pushManager.getSubscription();
  const here = (await subscriptions(mail)).find((s) => s.deviceClientId === deviceId());
  if (!browser || !here) {
    if (Notification.permission === "granted") await enablePush(mail);
    return;
  }
  if (here.expires !== null && Date.parse(here.expires) - now < renewBefore) {
    const update = { [here.id]: { expires: date(now + keptFor) } };
    await mail.connection.call("PushSubscription/set", { update });
  }
}

async function subscriptions(mail: Mail): Promise<readonly Kept[]> {
  const { list } = await mail.connection.call<{ list: Kept[] }>("PushSubscription/get", { ids: null });
  return list;
}

async function forget(mail: Mail, device: string): Promise<void> {
  const old: Id[] = (await subscriptions(mail)).filter((s) => s.deviceClientId === device).map((s) => s.id);
  if (old.length === 0) return;
  try {
    await mail.connection.call("PushSubscription/set", { destroy: old });
  } catch (cause) {
    if (!(cause instanceof MethodError)) throw cause;
  }
}

/** Tells this browser from others, and says nothing else about it (RFC 8620 7.2: deviceClientId). */
function deviceId(): string {
  if (!preferences.device.peek()) preferences.device.set(crypto.randomUUID());
  return preferences.device.peek();
}

const date = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");

/** base64url (RFC 4648 5) as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}
