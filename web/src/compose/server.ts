// What writing needs of the server. A Connection is one; tests have another.
import type { Batch } from "../jmap/batch";
import type { Email, GetResponse, Id, QueryResponse } from "../jmap/types";

export interface Server {
  batch<R>(build: (b: Batch) => R): Promise<R>;
}

/** An email that bears a Message-ID, with what tells its versions apart. */
export type Found = Pick<Email, "id" | "keywords" | "mailboxIds" | "threadId"> & { version: string };

const versionProperty = "header:X-Mailmesh-Draft:asText";

/** The emails of a Message-ID: all versions of a draft, and what was sent of it. */
export async function withMessageId(server: Server, messageId: string): Promise<Found[]> {
  return (await lookFor(server, messageId)).found;
}

/** What there was before one looked: as long as it is so (ifInState, RFC 8620 5.3), nothing has come of what was not found. */
export interface States {
  email?: string | undefined;
  submission?: string | undefined;
}

export async function lookFor(server: Server, messageId: string): Promise<{ found: Found[]; states: States }> {
  const { got, email, submission } = await server.batch((b) => {
    const email = b.call<GetResponse<Email>>("Email/get", { ids: [], properties: ["id"] });
    const submission = b.call<GetResponse<Email>>("EmailSubmission/get", { ids: [], properties: ["id"] });
    // Quoted, it is looked for as it stands (RFC 8621 4.4.1).
    const query = b.call<QueryResponse>("Email/query", {
      filter: { header: ["Message-ID", `<${messageId}>`] },
      limit: 20,
    });
    const got = b.call<GetResponse<Email>>("Email/get", {
      "#ids": query.ref("/ids"),
      properties: ["id", "keywords", "mailboxIds", "threadId", "messageId", versionProperty],
    });
    return { got, email, submission };
  });
  const found = got.result.list
    .filter((e) => e.messageId?.includes(messageId))
    .map((e) => ({ ...e, version: String(e[versionProperty] ?? "").trim() }));
  return { found, states: { email: email.result.state, submission: submission.result.state } };
}

export async function isThere(server: Server, id: Id): Promise<boolean> {
  const got = await server.batch((b) => b.call<GetResponse<Email>>("Email/get", { ids: [id], properties: ["id"] }));
  return got.result.list.length > 0;
}
