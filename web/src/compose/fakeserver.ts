// A server for tests: drafts and submissions in memory, with answers that get lost.
import { Batch } from "../jmap/batch";
import { ConnectionError } from "../jmap/errors";
import type { Id, Invocation } from "../jmap/types";
import type { Server } from "./server";

interface StoredEmail {
  id: Id;
  messageId: string[];
  mailboxIds: Record<string, true>;
  keywords: Record<string, true>;
  "header:X-Mailmesh-Draft:asText"?: string;
  text: string;
}

interface StoredSubmission {
  id: Id;
  emailId: Id;
  undoStatus: "pending" | "final" | "canceled";
  to: string[];
}

type Args = Record<string, unknown>;

export class FakeServer implements Server {
  readonly emails = new Map<Id, StoredEmail>();
  readonly submissions = new Map<Id, StoredSubmission>();
  /** What becomes of the next request; called for each. */
  fate: () => "answered" | "unheard" | "unanswered" = () => "answered";
  /** Why an email or a submission is refused. */
  refuse: { email?: object; submission?: object } = {};
  holds = false; // submissions are pending
  calls: string[] = [];
  #last = 0;

  async batch<R>(build: (b: Batch) => R): Promise<R> {
    const b = new Batch("A");
    const built = build(b);
    await Promise.resolve();
    const fate = this.fate();
    if (fate === "unheard") throw new ConnectionError("cut", true);
    const responses = this.#run(b.methodCalls);
    if (fate === "unanswered") throw new ConnectionError("cut", true);
    b.settle(responses);
    return built;
  }

  get texts(): string[] {
    return [...this.emails.values()].map((e) => e.text);
  }

  /** As another device saves it. */
  elsewhere(id: Id, text: string): Id | undefined {
    const old = this.emails.get(id);
    if (!old) return undefined;
    const made = { ...old, id: `E${++this.#last}`, text, "header:X-Mailmesh-Draft:asText": `other.${this.#last}` };
    this.emails.delete(id);
    this.emails.set(made.id, made);
    return made.id;
  }

  #run(calls: readonly Invocation[]): Invocation[] {
    const made = new Map<string, Id>();
    const out: Invocation[] = [];
    for (const [name, args, id] of calls) {
      this.calls.push(name);
      for (const [key, ref] of Object.entries(args))
        if (key.startsWith("#"))
          args[key.slice(1)] = out.find(([, , i]) => i === (ref as { resultOf: string }).resultOf)![1].ids;
      const result = this.#method(name, args as Args, made);
      for (const [n, answer] of result) out.push([n, answer, id]);
    }
    return structuredClone(out);
  }

  #method(name: string, args: Args, made: Map<string, Id>): [string, Record<string, unknown>][] {
    switch (name) {
      case "Email/set":
        return [[name, this.#setEmails(args, made)]];
      case "Email/query":
        return [[name, { ids: this.#query(args) }]];
      case "Email/get":
        return [[name, { list: (args.ids as Id[]).map((i) => this.emails.get(i)).filter(Boolean) }]];
      case "EmailSubmission/query":
        return [[name, { ids: [...this.submissions.values()].filter((s) => this.#matches(s, args)).map((s) => s.id) }]];
      case "EmailSubmission/get":
        return [[name, { list: (args.ids as Id[]).map((i) => this.submissions.get(i)).filter(Boolean) }]];
      case "EmailSubmission/set":
        return this.#submit(args, made);
    }
    return [["error", { type: "unknownMethod" }]];
  }

  #matches(s: StoredSubmission, args: Args): boolean {
    const ids = (args.filter as { emailIds?: Id[] } | undefined)?.emailIds;
    return !ids || ids.includes(s.emailId);
  }

  #query(args: Args): Id[] {
    const wanted = (args.filter as { header: string[] }).header[1]!.slice(1, -1);
    return [...this.emails.values()].filter((e) => e.messageId.includes(wanted)).map((e) => e.id);
  }

  #setEmails(args: Args, made: Map<string, Id>): Record<string, unknown> {
    const answer = {
      created: {} as Record<string, object>,
      notCreated: {} as Record<string, object>,
      destroyed: [] as Id[],
    };
    const notDestroyed: Record<string, object> = {};
    for (const [key, object] of Object.entries((args.create ?? {}) as Record<string, object>)) {
      if (this.refuse.email) answer.notCreated[key] = this.refuse.email;
      else {
        const id = `E${++this.#last}`;
        this.emails.set(id, { ...(structuredClone(object) as StoredEmail), id });
        made.set(key, id);
        answer.created[key] = { id, threadId: `T${id}` };
      }
    }
    const update = (args.update ?? {}) as Record<Id, Record<string, unknown>>;
    for (const [id, patch] of Object.entries(update)) this.#patch(id, patch);
    for (const id of (args.destroy ?? []) as Id[])
      if (this.emails.delete(id)) answer.destroyed.push(id);
      else notDestroyed[id] = { type: "notFound" };
    return { ...answer, updated: {}, notUpdated: {}, notDestroyed };
  }

  #patch(id: Id, patch: Record<string, unknown>): void {
    const email = this.emails.get(id) as unknown as Record<string, Record<string, unknown>> | undefined;
    if (!email) return;
    for (const [path, value] of Object.entries(patch)) {
      const [property, key] = path.split("/") as [string, string | undefined];
      if (!key) (email as Record<string, unknown>)[property] = value;
      else if (value === null) delete email[property]![key];
      else email[property]![key] = value;
    }
  }

  #submit(args: Args, made: Map<string, Id>): [string, Record<string, unknown>][] {
    const answer = {
      created: {} as Record<string, object>,
      notCreated: {} as Record<string, object>,
      updated: {} as Record<string, null>,
    };
    const notUpdated: Record<string, object> = {};
    const done = new Map<string, Id>();
    for (const [key, object] of Object.entries((args.create ?? {}) as Record<string, { emailId: string }>)) {
      const emailId = object.emailId.startsWith("#") ? made.get(object.emailId.slice(1)) : object.emailId;
      const email = this.emails.get(emailId ?? "");
      if (!email || this.refuse.submission) {
        answer.notCreated[key] = email
          ? this.refuse.submission!
          : { type: "invalidProperties", properties: ["emailId"] };
        continue;
      }
      const id = `S${++this.#last}`;
      this.submissions.set(id, { id, emailId: email.id, undoStatus: this.holds ? "pending" : "final", to: [] });
      answer.created[key] = { id, threadId: `T${email.id}`, undoStatus: this.holds ? "pending" : "final" };
      done.set(`#${key}`, email.id);
    }
    for (const id of Object.keys((args.update ?? {}) as object)) {
      const s = this.submissions.get(id);
      if (s?.undoStatus === "pending") {
        s.undoStatus = "canceled";
        answer.updated[id] = null;
        done.set(id, s.emailId);
      } else notUpdated[id] = { type: "cannotUnsend" };
    }
    for (const [name, patch] of Object.entries(
      (args.onSuccessUpdateEmail ?? {}) as Record<string, Record<string, unknown>>,
    ))
      if (done.has(name)) this.#patch(done.get(name)!, patch);
    return [["EmailSubmission/set", { ...answer, notUpdated }]];
  }
}
