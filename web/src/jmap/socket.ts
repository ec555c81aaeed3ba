// One WebSocket of JMAP (RFC 8887): requests and their answers, and what the server tells by itself.
//
// Promises: each request ends, with its answer or an error, and none waits for a connection that is dead: where nothing is heard for a
// while the server is asked for a sign of life.

import { ConnectionError } from "./errors";
import { type RequestBody, type ResponseBody, requestError } from "./http";
import type { Invocation } from "./types";

export interface SocketEvents {
  opened(): void;
  /** An object that is no answer, by its "@type". */
  told(type: string, object: object): void;
  /** The connection has ended, or did not come about. Told once. */
  ended(why: { opened: boolean; code: number }): void;
}

interface Waiting {
  resolve(body: ResponseBody): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

export const times = {
  open: 10_000, // for the connection to come about
  quiet: 8_000, // nothing heard while a request waits: ask for a sign of life
  idle: 45_000, // nothing heard at all
  sign: 5_000, // for the sign of life
};

export class Socket {
  readonly #ws: WebSocket;
  readonly #waiting = new Map<string, Waiting>();
  #last = 0;
  #opened = false;
  #ended = false;
  #watch: ReturnType<typeof setTimeout> | undefined;

  constructor(
    ws: WebSocket,
    private readonly events: SocketEvents,
  ) {
    this.#ws = ws;
    this.#watch = setTimeout(() => this.close(), times.open);
    ws.onopen = () => {
      this.#opened = true;
      this.#watchOver();
      events.opened();
    };
    ws.onmessage = (e) => this.#hear(e.data);
    ws.onclose = (e) => this.#end(e.code);
    ws.onerror = () => this.#end(1006);
  }

  get isOpen(): boolean {
    return this.#opened && !this.#ended;
  }

  send(body: RequestBody, timeout: number): Promise<ResponseBody> {
    if (!this.isOpen) return Promise.reject(new ConnectionError("there is no connection", false));
    const id = `r${++this.#last}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new ConnectionError("the server did not answer in time"));
      }, timeout);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#ws.send(JSON.stringify({ "@type": "Request", id, ...body }));
      this.#watchOver();
    });
  }

  /** What is told from now on (RFC 8887 4.3.5.2). */
  push(dataTypes: readonly string[], pushState: string | undefined): void {
    if (!this.isOpen) return;
    this.#ws.send(JSON.stringify({ "@type": "WebSocketPushEnable", dataTypes, pushState: pushState ?? null }));
  }

  /** Asks for a sign of life; without one the connection ends. */
  probe(within = times.sign): void {
    if (!this.isOpen) return;
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.close(), within);
    const echo: Invocation = ["Core/echo", {}, "0"];
    this.#ws.send(
      JSON.stringify({ "@type": "Request", id: "sign", using: ["urn:ietf:params:jmap:core"], methodCalls: [echo] }),
    );
  }

  close(): void {
    this.#ws.close();
    this.#end(1006); // a browser waits long for the goodbye of a server that is not there
  }

  #watchOver(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.probe(), this.#waiting.size > 0 ? times.quiet : times.idle);
  }

  #hear(text: unknown): void {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(String(text));
    } catch {
      this.close();
      return;
    }
    const type = String(message["@type"]);
    if (type === "Response" || type === "RequestError") this.#answer(type, message);
    else this.events.told(type, message);
    if (!this.#ended) this.#watchOver();
  }

  #answer(type: string, message: Record<string, unknown>): void {
    const id = String(message.requestId);
    const waiting = this.#waiting.get(id);
    if (!waiting) return; // the sign of life, or too late
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (type === "Response") waiting.resolve(message as unknown as ResponseBody);
    else waiting.reject(requestError(Number(message.status) || 0, message));
  }

  #end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#watch);
    for (const w of this.#waiting.values()) {
      clearTimeout(w.timer);
      w.reject(new ConnectionError("the connection was lost"));
    }
    this.#waiting.clear();
    this.events.ended({ opened: this.#opened, code });
  }
}
