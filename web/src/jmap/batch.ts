// Several calls in one request (RFC 8620 3.2), whose arguments may refer to results of earlier ones (3.7).

import { ConnectionError, MethodError } from "./errors";
import type { Id, Invocation, ResultReference } from "./types";

/** A call of a batch, and what came of it once the batch is answered. */
export class Call<T> {
  #responses: Invocation[] | undefined;

  constructor(
    readonly name: string,
    readonly args: Record<string, unknown>,
    readonly id: string,
  ) {}

  /** A reference to what the call will have answered, for `"#argument": call.ref("/ids")`. */
  ref(path: string): ResultReference {
    return { resultOf: this.id, name: this.name, path };
  }

  /** What the call has answered. Throws the MethodError that it was answered with. */
  get result(): T {
    return this.resultOf<T>(this.name);
  }

  get failure(): MethodError | undefined {
    const error = this.#responses?.find(([name]) => name === "error");
    if (!error) return undefined;
    const { type, description, ...details } = error[1];
    return new MethodError(String(type), typeof description === "string" ? description : "", details);
  }

  /** What the server has answered under another name, such as the implicit Email/set of EmailSubmission/set (RFC 8621 7.5). */
  resultOf<U>(name: string): U {
    const found = this.#responses?.find(([n]) => n === name);
    if (found) return found[1] as U;
    throw this.failure ?? new ConnectionError(`${this.name} was not answered`);
  }

  settle(responses: Invocation[]): void {
    this.#responses = responses;
  }
}

/** What does not change anything may be asked twice. */
const safe = /\/(get|query|changes|queryChanges|echo|parse|lookup)$/;

export class Batch {
  readonly calls: Call<unknown>[] = [];

  constructor(private readonly accountId: Id | undefined) {}

  /** Adds a call. Where the arguments name no account it is the user's own. */
  call<T>(name: string, args: Record<string, unknown> = {}): Call<T> {
    const ofAccount = !name.startsWith("Core/") && !name.startsWith("PushSubscription/");
    const all = ofAccount && this.accountId && !("accountId" in args) ? { accountId: this.accountId, ...args } : args;
    const call = new Call<T>(name, all, String(this.calls.length));
    this.calls.push(call as Call<unknown>);
    return call;
  }

  get isSafe(): boolean {
    return this.calls.every((c) => safe.test(c.name));
  }

  get methodCalls(): Invocation[] {
    return this.calls.map((c) => [c.name, c.args, c.id]);
  }

  settle(responses: readonly Invocation[]): void {
    for (const c of this.calls) c.settle(responses.filter(([, , id]) => id === c.id));
  }
}
