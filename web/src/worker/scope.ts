// The types of a service worker that TypeScript's library for pages lacks: what of them is used here.

export interface Extendable extends Event {
  waitUntil(p: Promise<unknown>): void;
}

export interface FetchLike extends Extendable {
  request: Request;
  preloadResponse: Promise<Response | undefined>;
  respondWith(r: Promise<Response>): void;
}

export interface PushLike extends Extendable {
  data: { json(): unknown } | null;
}

export interface NotificationLike extends Extendable {
  action: string;
  notification: Notification;
}

export interface MessageLike extends Extendable {
  data: unknown;
}

export interface Page {
  url: string;
  visibilityState: DocumentVisibilityState;
  focused: boolean;
  focus(): Promise<Page>;
  postMessage(message: unknown): void;
}

export interface Scope {
  registration: ServiceWorkerRegistration;
  clients: {
    matchAll(o: { type: "window"; includeUncontrolled: boolean }): Promise<Page[]>;
    openWindow(url: string): Promise<Page | null>;
    claim(): Promise<void>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate" | "pushsubscriptionchange", f: (e: Extendable) => void): void;
  addEventListener(type: "fetch", f: (e: FetchLike) => void): void;
  addEventListener(type: "push", f: (e: PushLike) => void): void;
  addEventListener(type: "notificationclick", f: (e: NotificationLike) => void): void;
  addEventListener(type: "message", f: (e: MessageLike) => void): void;
}
