// The connection to the server: requests, and what the server tells by itself.
//
// Promises: a request is answered, or rejects with one of errors.ts, which says whether it may have happened. Requests go over the
// WebSocket (RFC 8887), and over HTTP before it is open, or where none gets through. What changes nothing is asked again by the other
// way when one fails. A lost connection comes back by itself, soon at first and more and more seldom then, and at once when the
// browser is back online or the page is looked at. The limits of the session (RFC 8620 2) are kept.

import { type ReadonlySignal, signal } from "@preact/signals";
import { Backoff, pause } from "./backoff";
import { Batch } from "./batch";
import { addListeners, browserSocket } from "./browser";
import { ConnectionError, isTransient, type RequestError, SignedOutError } from "./errors";
import { openEventSource } from "./events";
import { HTTP, pathOf, type RequestBody, type ResponseBody } from "./http";
import { Slots } from "./slots";
import { Socket } from "./socket";
import {
  type CoreLimits,
  capability,
  type Id,
  type Notification,
  type Session,
  type Signal,
  type StateChange,
  type Upload,
} from "./types";
import { blobURL, checkSize, fill, sendBlob, type UploadOptions } from "./upload";

export type Status = "connecting" | "online" | "offline" | "refused";

export interface Told {
  StateChange: StateChange;
  Signal: Signal;
  Notification: Notification;
  /** There is a connection (again): something may have changed meanwhile. */
  Connected: undefined;
}

export interface ConnectionOptions {
  /** What stands before paths; "" in the page. */
  origin?: string;
  /** Fields of each request over HTTP; none in the page, where a cookie says who one is. */
  headers?: Readonly<Record<string, string>>;
  fetch?: typeof fetch;
  /** Opens a WebSocket; undefined: there is none. */
  webSocket?: (path: string) => WebSocket;
  random?: () => number;
}

export interface CallOptions {
  /** Milliseconds to wait for the answer. */
  timeout?: number;
}

/** Requests under way at a time: fewer than the server carries out of one WebSocket, so that it always has room for a sign of life. */
const atOnce = 3;
const answerTime = 30_000;
/** The code that a server closes a WebSocket with when its sign-in ends (RFC 6455 7.4.1: policy violation). */
const signedOut = 1008;
/** WebSockets that fail, while HTTP works, until the event source is used. */
const patience = 2;

const noLimits: CoreLimits = {
  maxSizeUpload: Number.POSITIVE_INFINITY,
  maxConcurrentUpload: 2,
  maxSizeRequest: 10_000_000,
  maxConcurrentRequests: 4,
  maxCallsInRequest: 16,
  maxObjectsInGet: 500,
  maxObjectsInSet: 500,
};

export class Connection {
  readonly status: ReadonlySignal<Status>;
  readonly #status = signal<Status>("connecting");
  readonly #o: Required<ConnectionOptions>;
  readonly #http: HTTP;
  readonly #slots = new Slots(atOnce);
  readonly #uploads: Slots;
  readonly #listeners = new Map<keyof Told, Set<(object: never) => void>>();
  readonly #types = new Set<string>();
  readonly #backoff: Backoff;
  readonly #closed = new AbortController();
  #session: Session | undefined;
  #accountId: Id | undefined;
  #socket: Socket | undefined;
  #wake = new AbortController(); // ends the pause before the next attempt
  #connecting = false;
  #pushState: string | undefined;
  #closeEvents: (() => void) | undefined;
  #renewing = false;

  constructor(o: ConnectionOptions = {}) {
    this.#o = {
      origin: "",
      headers: {},
      fetch: (...a) => fetch(...a),
      webSocket: browserSocket,
      random: Math.random,
      ...o,
    };
    this.#http = new HTTP(this.#o);
    this.#backoff = new Backoff(500, 30_000, this.#o.random);
    this.#uploads = new Slots(noLimits.maxConcurrentUpload);
    this.status = this.#status;
  }

  /** Asks for the session; throws SignedOutError where nobody is signed in. Then it connects by itself. */
  async open(): Promise<Session> {
    const session = await this.#watched(() => this.#http.session(answerTime));
    this.#take(session);
    addListeners(this.#closed.signal, () => this.#lookAgain());
    void this.#connect();
    return session;
  }

  /** The session. Only after open. */
  get session(): Session {
    if (!this.#session) throw new Error("the connection is not open");
    return this.#session;
  }

  /** The user's own account of mail. */
  get accountId(): Id {
    return this.session.primaryAccounts[capability.mail]!;
  }

  get limits(): CoreLimits {
    return { ...noLimits, ...(this.#session?.capabilities[capability.core] as Partial<CoreLimits> | undefined) };
  }

  /** What is to be said before the session is there: calls go to this account, over HTTP. */
  presume(accountId: Id): void {
    this.#accountId ??= accountId;
  }

  /** Calls a method, of the user's own account where the arguments name none. */
  async call<T>(method: string, args: object = {}, o: CallOptions = {}): Promise<T> {
    const call = await this.batch((b) => b.call<T>(method, args as Record<string, unknown>), o);
    return call.result;
  }

  /** Several calls in one request: what build returns, once it is answered. Each Call has its result, or throws its own error. */
  async batch<R>(build: (b: Batch) => R, o: CallOptions = {}): Promise<R> {
    const b = new Batch(this.#accountId);
    const built = build(b);
    if (b.calls.length > this.limits.maxCallsInRequest)
      throw new Error(`${b.calls.length} calls are too many for a request`);
    if (b.calls.length === 0) return built;
    const body = { using: this.#using(), methodCalls: b.methodCalls };
    const answer = await this.#watched(() =>
      this.#slots.run(() => this.#send(body, b.isSafe, o.timeout ?? answerTime)),
    );
    b.settle(answer.methodResponses);
    this.#noteSession(answer.sessionState);
    return built;
  }

  /** Has f called with each object that the server tells of. */
  on<K extends keyof Told>(type: K, f: (object: Told[K]) => void): () => void {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set);
    set.add(f as (object: never) => void);
    return () => set.delete(f as (object: never) => void);
  }

  /** Says whether the server shall tell of a type: of changes, or "Signal" and "Notification". */
  hear(type: string, on = true): void {
    if (this.#types.has(type) === on) return;
    if (on) this.#types.add(type);
    else this.#types.delete(type);
    queueMicrotask(() => this.#enablePush());
  }

  async upload(data: Blob, o: UploadOptions = {}): Promise<Upload> {
    checkSize(data, this.limits.maxSizeUpload);
    const url = this.#o.origin + fill(this.session.uploadUrl, { accountId: this.accountId });
    return this.#watched(() => this.#uploads.run(() => sendBlob(url, data, this.#o.headers, o)));
  }

  /** Where a blob is, as the browser itself may ask for it. */
  downloadURL(blobId: Id, name: string, type: string): string {
    return this.#o.origin + blobURL(this.session.downloadUrl, this.accountId, blobId, name, type);
  }

  /** Goes on after who was "refused" has signed in again; rejects with SignedOutError where that was somebody else. */
  async resume(): Promise<void> {
    if (this.#status.value === "refused") this.#status.value = "connecting";
    this.#take(await this.#watched(() => this.#http.session(answerTime)));
    this.#backoff.reset();
    this.#wake.abort();
    void this.#connect();
  }

  /** Tries now, and does not wait for its turn. */
  retry(): void {
    this.#lookAgain();
  }

  close(): void {
    this.#closed.abort();
    this.#wake.abort();
    this.#closeEvents?.();
    this.#socket?.close();
    this.#listeners.clear();
  }

  // --- requests ---

  #using(): string[] {
    if (!this.#session) return [capability.core, capability.mail];
    const offered = this.#session.capabilities;
    return Object.values(capability).filter((uri) => uri in offered);
  }

  /** Sends by the WebSocket, or else by HTTP. What may not be done twice is not sent again once it may have been done. */
  async #send(body: RequestBody, isSafe: boolean, timeout: number): Promise<ResponseBody> {
    const backoff = new Backoff(200, 5_000, this.#o.random);
    for (;;) {
      try {
        return await this.#once(body, timeout);
      } catch (e) {
        const lost = e instanceof ConnectionError;
        const again = lost
          ? (isSafe || !e.mayHaveHappened) && backoff.failures < 1
          : isTransient(e) && backoff.failures < 5 && (isSafe || (e as RequestError).status === 429);
        if (!again || this.#closed.signal.aborted) throw e;
        const wait = Math.max(backoff.next(), (e as RequestError).retryAfter ?? 0);
        if (!lost) await pause(wait, this.#closed.signal); // else by the other way, at once
      }
    }
  }

  #once(body: RequestBody, timeout: number): Promise<ResponseBody> {
    if (this.#socket?.isOpen) return this.#socket.send(body, timeout);
    return this.#http.post(pathOf(this.#session?.apiUrl ?? "/jmap/api"), body, timeout);
  }

  /** Carries something out, and learns from how it ends whether the sign-in is good. */
  async #watched<T>(work: () => Promise<T>): Promise<T> {
    if (this.#status.value === "refused") throw new SignedOutError();
    try {
      return await work();
    } catch (e) {
      if (e instanceof SignedOutError) this.#refuse();
      else if (e instanceof ConnectionError && !this.#socket?.isOpen && this.#session) this.#doubt();
      throw e;
    }
  }

  /** A request over HTTP was not answered: whether the server is there is found out at once. */
  #doubt(): void {
    if (this.#status.value === "online") {
      this.#status.value = "connecting";
      this.#wake.abort();
    }
    void this.#connect();
  }

  #refuse(): void {
    this.#status.value = "refused";
    this.#closeEvents?.();
    this.#closeEvents = undefined;
    this.#socket?.close();
  }

  /** A page belongs to one account. Where another tab has signed in as somebody else, the cookie is theirs: what waits here must not reach their mail. */
  #take(session: Session): void {
    const accountId = session.primaryAccounts[capability.mail];
    if (this.#session && accountId !== this.accountId) {
      this.#refuse();
      throw new SignedOutError();
    }
    this.#session = session;
    this.#accountId = accountId ?? this.#accountId;
  }

  /** Another state of the session than ours: something of it has changed (RFC 8620 3.4). */
  #noteSession(state: string | undefined): void {
    if (!state || !this.#session || state === this.#session.state || this.#renewing) return;
    this.#renewing = true;
    this.#http
      .session(answerTime)
      .then((s) => this.#take(s))
      .catch(() => {}) // the next answer says so again, or it is refused
      .finally(() => {
        this.#renewing = false;
      });
  }

  // --- push ---

  /** Tries until there is a connection. One at a time does. */
  async #connect(): Promise<void> {
    if (this.#connecting || this.#socket?.isOpen) return;
    this.#connecting = true;
    try {
      while (!this.#closed.signal.aborted && this.#status.value !== "refused") {
        if (await this.#openSocket()) break;
        await this.#checkHTTP();
        this.#wake = new AbortController();
        if (this.#closed.signal.aborted) break;
        await pause(this.#backoff.next(), this.#wake.signal);
      }
    } finally {
      this.#connecting = false;
    }
  }

  /** Whether a WebSocket is open now. */
  #openSocket(): Promise<boolean> {
    const url = this.session.capabilities[capability.websocket]?.url;
    if (typeof url !== "string") return Promise.resolve(false);
    let ws: WebSocket;
    try {
      ws = this.#o.webSocket(pathOf(url));
    } catch {
      return Promise.resolve(false); // a browser that has none, or must not
    }
    return new Promise((resolve) => {
      const socket: Socket = new Socket(ws, {
        opened: () => {
          this.#opened(socket);
          resolve(true);
        },
        told: (type, object) => this.#tell(type as keyof Told, object),
        ended: ({ opened, code }) => {
          resolve(false);
          if (opened) void this.#lost(socket, code === signedOut);
        },
      });
    });
  }

  #opened(socket: Socket): void {
    this.#socket = socket;
    this.#backoff.reset();
    this.#closeEvents?.();
    this.#closeEvents = undefined;
    this.#status.value = "online";
    this.#enablePush();
    this.#tell("Connected", undefined);
  }

  async #lost(socket: Socket, signedOut: boolean): Promise<void> {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    if (this.#closed.signal.aborted || this.#status.value === "refused") return;
    this.#status.value = "connecting";
    if (signedOut) await this.#checkHTTP();
    // Where a server goes out of service, all of its clients are here at the same moment.
    this.#wake = new AbortController();
    await pause(this.#o.random() * 500, this.#wake.signal);
    await this.#connect();
  }

  /** Without a WebSocket: is the server there, and is the sign-in good? A browser tells neither of a WebSocket that it could not open. */
  async #checkHTTP(): Promise<void> {
    try {
      await this.#http.session(10_000).then((s) => this.#take(s));
    } catch (e) {
      if (e instanceof SignedOutError) this.#refuse();
      else this.#status.value = "offline";
      return;
    }
    const wasAway = this.#status.value !== "online";
    this.#status.value = "online";
    if (this.#backoff.failures >= patience && !this.#closeEvents) this.#enablePush();
    if (wasAway) this.#tell("Connected", undefined);
  }

  #enablePush(): void {
    const types = [...this.#types];
    if (this.#socket?.isOpen) {
      this.#socket.push(types, this.#pushState);
    } else if (this.#session && this.#backoff.failures >= patience && typeof EventSource !== "undefined") {
      this.#closeEvents?.();
      this.#closeEvents = openEventSource(
        this.#o.origin + pathOf(this.session.eventSourceUrl),
        types,
        (type, object) => this.#tell(type as keyof Told, object),
        () => this.#tell("Connected", undefined), // what happened before is not told
      );
    }
  }

  #tell<K extends keyof Told>(type: K, object: object | undefined): void {
    if (type === "StateChange") this.#pushState = (object as StateChange).pushState ?? this.#pushState;
    for (const f of [...(this.#listeners.get(type) ?? [])]) (f as (object: object | undefined) => void)(object);
  }

  /** The browser says that something may be better, or worse, than we know. */
  #lookAgain(): void {
    if (this.#socket?.isOpen) this.#socket.probe();
    else {
      this.#backoff.reset();
      this.#wake.abort();
      if (this.#session) void this.#connect();
    }
  }
}
