// The service worker, as the page sees it: it is started, told whose mail this is, and replaced when there is a new version.
import { t } from "../i18n";
import { toast } from "../ui";
import type { Account } from "../worker/account";

let registered: Promise<ServiceWorkerRegistration | null> | undefined;

/** The worker, or null where there can be none: over plain HTTP, with a certificate that the browser does not know, while developing. */
export function service(): Promise<ServiceWorkerRegistration | null> {
  registered ??= register();
  return registered;
}

async function register(): Promise<ServiceWorkerRegistration | null> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return null;
  try {
    const registration = await navigator.serviceWorker.register("/sw.js");
    offerUpdates(registration);
    return registration;
  } catch {
    return null;
  }
}

/** A new version waits until somebody says so: nobody who writes is interrupted, and what is written is in the journal (compose). */
function offerUpdates(registration: ServiceWorkerRegistration): void {
  const offer = (worker: ServiceWorker | null) => {
    if (worker?.state !== "installed" || !navigator.serviceWorker.controller) return;
    toast({
      text: t("live.update.ready"),
      lasts: 0,
      action: {
        text: t("live.update.reload"),
        do: () => {
          navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
          worker.postMessage({ type: "takeOver" });
        },
      },
    });
  };
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => offer(worker));
  });
  const hour = 3_600_000;
  setInterval(() => void registration.update().catch(() => {}), hour);
}

/** Leaves what the worker needs to answer notifications without a page; null: nobody is signed in any more. */
export async function tellWorker(account: Account | null): Promise<void> {
  const registration = await service();
  const worker = registration?.active ?? registration?.waiting ?? registration?.installing;
  worker?.postMessage({ type: "account", account });
}
