// What can go wrong between this client and the server. Whoever catches one of these knows whether something may have happened.

import type { SetError } from "./types";

/** The server has answered that a method cannot be carried out (RFC 8620 3.6.2): nothing of it has happened. */
export class MethodError extends Error {
  override readonly name = "MethodError";

  constructor(
    readonly type: string,
    readonly description: string,
    /** The members of the answer beside those two, such as `limit`. */
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(description ? `${type}: ${description}` : type);
  }
}

/** One object of a /set was refused (RFC 8620 5.3). */
export class ObjectError extends Error {
  override readonly name = "ObjectError";
  readonly type: string;
  readonly description: string;

  constructor(readonly reason: SetError) {
    super(reason.description ? `${reason.type}: ${reason.description}` : reason.type);
    this.type = reason.type;
    this.description = reason.description ?? "";
  }
}

/** The request as a whole was refused (RFC 8620 3.6.1), or a resource of the server answered with an error: nothing has happened. */
export class RequestError extends Error {
  override readonly name = "RequestError";

  constructor(
    readonly status: number,
    /** The URN of RFC 8620 3.6.1, or "about:blank". */
    readonly type: string,
    readonly detail: string,
    /** The limit that was exceeded, where that is why. */
    readonly limit?: string,
    /** Milliseconds after which the server wants to be asked again. */
    readonly retryAfter?: number,
  ) {
    super(detail || `the server answered ${status}`);
  }
}

/** There was no answer: what was asked for may have happened, or not. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";

  constructor(
    message: string,
    /** False where it is certain that the server was not reached. */
    readonly mayHaveHappened = true,
  ) {
    super(message);
  }
}

/** The sign-in is not, or no longer, good. */
export class SignedOutError extends Error {
  override readonly name = "SignedOutError";

  constructor() {
    super("the sign-in is no longer good");
  }
}

/** Whether the same request may succeed a little later, without that anybody changes it. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  if (error instanceof RequestError)
    return error.status === 429 || error.status >= 500 || error.limit === "maxConcurrentRequests";
  return error instanceof MethodError && (error.type === "serverUnavailable" || error.type === "serverFail");
}
