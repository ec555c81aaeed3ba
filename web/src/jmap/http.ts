// Requests over HTTP (RFC 8620 3.1): the session, and calls while there is no WebSocket. Who one is says the cookie.

import { ConnectionError, RequestError, SignedOutError } from "./errors";
import type { Invocation, Session } from "./types";

export interface RequestBody {
  using: readonly string[];
  methodCalls: readonly Invocation[];
}

export interface ResponseBody {
  methodResponses: Invocation[];
  sessionState: string;
}

export interface HTTPOptions {
  /** What stands before paths: "" in the page. */
  origin: string;
  fetch: typeof fetch;
  headers: Readonly<Record<string, string>>;
}

/** The path of a URL of the session: this program is where its server is, by whichever name or proxy. */
export function pathOf(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/]+/i, "");
}

export class HTTP {
  constructor(private readonly o: HTTPOptions) {}

  async session(timeout: number): Promise<Session> {
    // The address of RFC 8620 2.2 redirects: this one answers at once.
    return (await this.#ask("/.well-known/jmap", {}, timeout)) as Session;
  }

  async post(path: string, body: RequestBody, timeout: number): Promise<ResponseBody> {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return (await this.#ask(path, init, timeout)) as ResponseBody;
  }

  async #ask(
    path: string,
    init: { headers?: Record<string, string> } & RequestInit,
    timeout: number,
  ): Promise<unknown> {
    const given = AbortSignal.timeout(timeout);
    let answer: Response;
    try {
      answer = await this.o.fetch(this.o.origin + path, {
        credentials: "same-origin",
        cache: "no-store",
        ...init,
        headers: { Accept: "application/json", ...this.o.headers, ...init.headers },
        signal: given,
      });
    } catch (e) {
      throw new ConnectionError(given.aborted ? "the server did not answer in time" : String(e));
    }
    if (answer.status === 401) throw new SignedOutError();
    // What stands before the server answers for it: nobody knows what the server has done. 503 is the server's own: it has done nothing.
    if (answer.status >= 502 && answer.status <= 504)
      throw new ConnectionError(`the server is not there (${answer.status})`, answer.status !== 503);
    if (!answer.ok) throw await problemOf(answer);
    try {
      return await answer.json();
    } catch (e) {
      throw new ConnectionError(`the answer broke off: ${e}`);
    }
  }
}

/** The problem that an answer tells (RFC 7807). */
export async function problemOf(answer: Response): Promise<RequestError> {
  const said: Record<string, unknown> = await answer.json().catch(() => ({}));
  const after = Number(answer.headers.get("Retry-After"));
  return requestError(answer.status, said, after > 0 ? after * 1000 : undefined);
}

export function requestError(status: number, said: Record<string, unknown>, retryAfter?: number): RequestError {
  const text = (name: string) => (typeof said[name] === "string" ? (said[name] as string) : undefined);
  return new RequestError(status, text("type") ?? "about:blank", text("detail") ?? "", text("limit"), retryAfter);
}
