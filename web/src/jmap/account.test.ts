import { expect, test } from "vitest";
import { Connection } from "./connection";
import { SignedOutError } from "./errors";
import { capability } from "./types";

/** A server whose cookie may have become another one's: another tab signs in as somebody else. */
class Door {
  signedIn = "A";
  readonly asked: { as: string; accountId: unknown }[] = [];

  fetch = (async (url: unknown, init?: RequestInit) => {
    if (url === "/.well-known/jmap") return Response.json(this.#session());
    const { methodCalls } = JSON.parse(String(init?.body));
    this.asked.push({ as: this.signedIn, accountId: methodCalls[0][1].accountId });
    return Response.json({ methodResponses: methodCalls, sessionState: this.signedIn });
  }) as typeof fetch;

  #session() {
    return {
      capabilities: { [capability.core]: { maxCallsInRequest: 16 } },
      primaryAccounts: { [capability.mail]: this.signedIn },
      apiUrl: "/jmap/api",
      state: this.signedIn,
    };
  }
}

const settled = () => new Promise((done) => setTimeout(done, 0));

test("somebody else who signs in with the same browser gets nothing of what this page has", async () => {
  const door = new Door();
  const connection = new Connection({ fetch: door.fetch });
  await connection.open();
  door.signedIn = "B";
  await connection.call("Email/set", { create: {} }); // names A's account, which the server refuses to B
  await settled();
  expect(connection.status.value).toBe("refused");
  await expect(connection.call("Email/set", { create: {} })).rejects.toThrow(SignedOutError);
  await expect(connection.resume()).rejects.toThrow(SignedOutError); // B's session is not what it goes on with
  expect(connection.status.value).toBe("refused");
  expect(connection.accountId).toBe("A");

  door.signedIn = "A";
  await connection.resume();
  await connection.call("Email/set", { create: {} });
  expect(door.asked.map((a) => a.accountId)).toEqual(["A", "A"]);
  connection.close();
});
