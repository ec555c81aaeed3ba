// A connection to the FakeServer whose every step a test decides: requests arrive, are answered, or are lost on the way there or back.

import { vi } from "vitest";
import type { Invocation } from "../../jmap";
import { Connection } from "../../jmap";
import type { FakeServer } from "./server";

interface Sent {
  calls: Invocation[];
  answer: unknown; // once it has arrived
  arrived: boolean;
  resolve(r: Response): void;
  reject(e: Error): void;
}

export class Wire {
  readonly connection: Connection;
  readonly sent: Sent[] = [];
  /** Requests arrive and are answered by themselves. */
  flows = true;
  /** Nothing gets through. */
  cut = false;

  constructor(
    private readonly server: FakeServer,
    random: () => number = Math.random,
  ) {
    const ask = (url: unknown, init?: RequestInit) => this.#ask(String(url), init);
    this.connection = new Connection({
      fetch: ask as typeof fetch,
      random,
      webSocket: () => {
        throw new Error("none here");
      },
    });
  }

  #ask(url: string, init?: RequestInit): Promise<Response> {
    if (this.cut) return Promise.reject(new TypeError("the wire is cut"));
    if (url === "/.well-known/jmap") return Promise.resolve(Response.json(session));
    const { methodCalls } = JSON.parse(String(init?.body)) as { methodCalls: Invocation[] };
    return new Promise((resolve, reject) => {
      const sent: Sent = { calls: methodCalls, answer: undefined, arrived: false, resolve, reject };
      this.sent.push(sent);
      if (this.flows) {
        this.arrive(sent);
        this.answer(sent);
      }
    });
  }

  arrive(sent: Sent): void {
    if (sent.arrived) return;
    sent.arrived = true;
    sent.answer = { methodResponses: this.server.run(sent.calls), sessionState: "s" };
  }

  answer(sent: Sent): void {
    this.arrive(sent);
    this.#end(sent);
    sent.resolve(Response.json(sent.answer));
  }

  lose(sent: Sent): void {
    this.#end(sent);
    sent.reject(new TypeError("the connection was lost"));
  }

  #end(sent: Sent): void {
    const at = this.sent.indexOf(sent);
    if (at >= 0) this.sent.splice(at, 1);
  }

  /** All that is under way arrives and is answered, and so is what follows of it. */
  async settle(): Promise<void> {
    this.flows = true;
    for (let quiet = 0; quiet < 5; quiet++) {
      await turn();
      if (this.sent.length > 0) quiet = 0;
      for (const s of [...this.sent]) this.answer(s);
    }
  }

  /** As long as somebody waits for a time to come (of vi's), it comes. */
  async settleInTime(): Promise<void> {
    await this.settle();
    await vi.advanceTimersByTimeAsync(2_000);
    await this.settle();
  }
}

/** Lets all that waits for nothing but its turn go on. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

const session = {
  capabilities: {
    "urn:ietf:params:jmap:core": {
      maxCallsInRequest: 32,
      maxObjectsInGet: 500,
      maxObjectsInSet: 500,
      maxConcurrentRequests: 8,
      maxSizeUpload: 1000,
    },
    "urn:ietf:params:jmap:mail": {},
  },
  accounts: { A1: { name: "ann@example.org", isPersonal: true, isReadOnly: false, accountCapabilities: {} } },
  primaryAccounts: { "urn:ietf:params:jmap:mail": "A1" },
  username: "ann@example.org",
  apiUrl: "https://example.org/jmap/api",
  downloadUrl: "https://example.org/jmap/download/{accountId}/{blobId}/{name}?type={type}",
  uploadUrl: "https://example.org/jmap/upload/{accountId}/",
  eventSourceUrl: "https://example.org/jmap/eventsource?types={types}&closeafter={closeafter}&ping={ping}",
  state: "s",
};
