// What was sent, until the server has it.
//
// The order of steps: the message is in the journal first; then it is noted there as tried, and one request creates the email, submits it
// and moves it to Sent (Email/set, EmailSubmission/set with onSuccessUpdateEmail: RFC 8621 7.5). Where the answer is lost it may have
// gone: before it is tried again its Message-ID, which it keeps for ever, is looked for, and what is found is gone on with. So a message
// survives a reload, a lost connection and an expired session, and goes once. A tab claims what it sends; others leave it alone.
//
// Taking back is the server's: it holds the message (FUTURERELEASE, RFC 4865), so that it goes even when the browser is closed meanwhile.
import { type ReadonlySignal, signal } from "@preact/signals";
import { ConnectionError, isTransient, MethodError, ObjectError, SignedOutError } from "../jmap/errors";
import type {
  EmailSubmission,
  GetResponse,
  Id,
  PatchObject,
  QueryResponse,
  SetError,
  SetResponse,
} from "../jmap/types";
import type { Answered, Draft } from "./draft";
import type { Journal } from "./journal";
import { lookFor, type Server, type States } from "./server";

/** A message on its way. */
export interface Sending {
  id: string;
  messageId: string;
  draft: Draft | null; // null: a program has written it
  email: Record<string, unknown> | null; // what a program has written, without its place
  identityId: Id | null;
  to: string[]; // all addresses
  hold: number; // seconds in which it can be taken back
  at: string | null; // when it is to be sent; null: now
  answers: Answered | null;
  replaces: Id | null; // the draft with the server, which goes when this is made
  quick: boolean; // it is shown in its conversation while it is on its way
  tidy: boolean; // a version of the draft may lie about
  state: "waiting" | "sent" | "failed";
  tried: boolean; // it may be there
  emailId: Id | null; // as it is there
  submissionId: Id | null;
  trouble: Refusal | null;
  since: number;
}

/** Why it did not go, as the server said it. */
export interface Refusal {
  type: string;
  description: string;
  details: Record<string, unknown>;
}

/** A message as it is to be created, and who sends it to whom. */
export interface Prepared {
  email: Record<string, unknown>;
  from: string;
  identityId: Id;
  to: readonly string[];
}

export interface Places {
  drafts: Id;
  sent: Id;
  scheduled: Id | null;
}

export interface OutboxOptions {
  server: Server;
  journal: Journal;
  /** Uploads what is still here, and makes the email. */
  prepare(sending: Sending, places: Places): Promise<Prepared>;
  places(scheduled: boolean): Promise<Places>;
  /** It has gone. */
  gone(sending: Sending): void;
  failed(sending: Sending): void;
  /** It has gone for good: nobody can take it back any more. What is left of its draft here goes, before it is forgotten that it was sent. */
  over(sending: Sending): Promise<void>;
  /** Takes a lock for as long as the tab lives; null: another tab has it. */
  claim(name: string): Promise<(() => void) | null>;
  later(ms: number, act: () => void): () => void;
}

export class Outbox {
  readonly #list = signal<readonly Sending[]>([]);
  readonly list: ReadonlySignal<readonly Sending[]> = this.#list;
  readonly #o: OutboxOptions;
  readonly #claims = new Map<string, () => void>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #marked = new Set<string>(); // noted as tried already
  #failures = 0;
  #cancel: (() => void) | undefined;

  constructor(o: OutboxOptions) {
    this.#o = o;
  }

  /** Takes up what an earlier program has left. */
  async start(): Promise<void> {
    await this.takeUp();
    this.pump();
  }

  /** Takes up what no tab has any more. What it was is read when it is claimed: until then another one may have sent it. */
  async takeUp(): Promise<void> {
    const left = async () => this.#o.journal.sendings().catch(() => []);
    for (const { id } of await left()) {
      if (this.#claims.has(id) || !(await this.#claim(id))) continue;
      const s = (await left()).find((one) => one.id === id);
      if (!s) {
        await this.#forget(id);
        continue;
      }
      this.#list.value = [...this.#list.value, s];
      if (s.state === "sent") await this.#end(id);
      else if (s.state === "failed") this.#o.failed(s);
      else void this.#deliver(id);
    }
  }

  /** Sends. Resolves when the server has it, or has refused it. */
  async add(sending: Sending): Promise<Sending> {
    this.#list.value = [...this.#list.value, sending];
    await this.#claim(sending.id);
    // One write instead of two: it is tried at once.
    await this.#o.journal.putSending({ ...sending, tried: true }).catch(() => {});
    this.#marked.add(sending.id);
    await this.#deliver(sending.id);
    return this.of(sending.id) ?? sending;
  }

  of(id: string): Sending | undefined {
    return this.#list.value.find((s) => s.id === id);
  }

  /** Tries all that waits, now. */
  pump(): void {
    this.#cancel?.();
    for (const s of this.#list.value) if (s.state === "waiting") void this.#deliver(s.id);
  }

  /** Tries one again that was refused. */
  async retry(id: string): Promise<void> {
    await this.#put(id, { state: "waiting", trouble: null });
    await this.#deliver(id);
  }

  /** Takes it back; null: it is too late. What is returned says where the draft lies now. */
  async undo(id: string): Promise<Sending | null> {
    await this.#running.get(id);
    const s = this.of(id);
    if (!s) return null;
    if (s.state === "sent" && !(await cancel(this.#o.server, s.submissionId!, await this.#o.places(false))))
      return null;
    await this.#forget(id);
    return s;
  }

  /** It is not to be sent any more, and not to be kept here. */
  async drop(id: string): Promise<void> {
    await this.#running.get(id);
    await this.#forget(id);
  }

  async #claim(id: string): Promise<boolean> {
    const release = await this.#o.claim(`sending ${id}`);
    if (release) this.#claims.set(id, release);
    return release !== null;
  }

  #set(id: string, news: Partial<Sending>): Sending {
    this.#list.value = this.#list.value.map((s) => (s.id === id ? { ...s, ...news } : s));
    return this.of(id)!;
  }

  async #put(id: string, news: Partial<Sending>): Promise<Sending> {
    const s = this.#set(id, news);
    await this.#o.journal.putSending(s).catch(() => {});
    return s;
  }

  /** It has gone, and stays gone. */
  async #end(id: string): Promise<void> {
    const s = this.of(id);
    if (!s) return;
    await this.#o.over(s).catch(() => {});
    await this.#forget(id);
  }

  async #forget(id: string): Promise<void> {
    this.#list.value = this.#list.value.filter((s) => s.id !== id);
    await this.#o.journal.removeSending(id).catch(() => {});
    this.#claims.get(id)?.();
    this.#claims.delete(id);
  }

  #deliver(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (running) return running;
    const run = this.#try(id).finally(() => this.#running.delete(id));
    this.#running.set(id, run);
    return run;
  }

  async #try(id: string): Promise<void> {
    try {
      const s = this.of(id);
      if (s?.state !== "waiting") return;
      const places = await this.#o.places(s.at !== null);
      if (!s.submissionId) await (s.tried ? this.#again(s, places) : this.#send(s, places));
      this.#failures = 0;
      await this.#sent(id);
    } catch (error) {
      await this.#failed(id, error);
    }
  }

  async #sent(id: string): Promise<void> {
    const s = await this.#put(id, { state: "sent", trouble: null });
    this.#o.gone(s);
    // While it can be taken back it is known; then it is mail as any other.
    if (s.at || !s.hold) await this.#end(id);
    else this.#o.later(s.hold * 1000, () => void this.#end(id));
  }

  async #failed(id: string, error: unknown): Promise<void> {
    if (error instanceof ConnectionError || error instanceof SignedOutError || isTransient(error)) {
      if (error instanceof ConnectionError && !error.mayHaveHappened)
        await this.#put(id, { tried: this.of(id)!.tried });
      this.#cancel?.();
      this.#cancel = this.#o.later(Math.min(60_000, 2_000 * 2 ** this.#failures++), () => this.pump());
      return;
    }
    this.#o.failed(await this.#put(id, { state: "failed", trouble: refusal(error) }));
  }

  /** The request of a tab that was closed may still be under way: what was looked at must not have changed when it is sent again. */
  async #again(s: Sending, places: Places): Promise<void> {
    for (let left = 20; ; left--) {
      const states = await this.#look(this.of(s.id)!, places);
      if (!states) return;
      try {
        return await this.#send(this.of(s.id)!, places, states);
      } catch (error) {
        if (left <= 0 || !(error instanceof MethodError && error.type === "stateMismatch")) throw error;
      }
    }
  }

  async #send(s: Sending, places: Places, was: States = {}): Promise<void> {
    const p = await this.#o.prepare(s, places);
    if (this.#marked.delete(s.id)) this.#set(s.id, { tried: true });
    else await this.#put(s.id, { tried: true });
    const answer = await this.#o.server.batch((b) => ({
      email: s.emailId
        ? null
        : b.call<SetResponse<{ id: Id }>>("Email/set", {
            ...(was.email && { ifInState: was.email }),
            create: { m: p.email },
            ...(s.replaces && { destroy: [s.replaces] }),
          }),
      submission: b.call<SetResponse<{ id: Id }>>("EmailSubmission/set", {
        ...(was.submission && { ifInState: was.submission }),
        create: { s: { identityId: p.identityId, emailId: s.emailId ?? "#m", ...envelope(s, p) } },
        onSuccessUpdateEmail: { "#s": leaving(places, s.at !== null) },
      }),
    }));
    const made = answer.email?.result;
    const emailId = made ? made.created?.m?.id : s.emailId;
    const submission = answer.submission.failure ? undefined : answer.submission.result.created?.s;
    // From here on it is known what has happened, all of it at once: half of it would be gone on with as if nothing had been submitted.
    await this.#put(s.id, {
      tried: false,
      ...(emailId && { emailId }),
      ...(made && { replaces: null }),
      ...(submission?.id && { submissionId: submission.id }),
    });
    if (!emailId) throw refused(made?.notCreated?.m);
    if (!submission?.id) throw refused(answer.submission.result.notCreated?.s);
  }

  /** Null: it has gone already. Else what there was before it was looked for. What is there of it is gone on with. */
  async #look(s: Sending, places: Places): Promise<States | null> {
    const { found, states } = await lookFor(this.#o.server, s.messageId);
    const ids = found.map((f) => f.id);
    if (!ids.length) return states;
    const got = await this.#o.server.batch((b) => {
      const query = b.call<QueryResponse>("EmailSubmission/query", { filter: { emailIds: ids } });
      return b.call<GetResponse<EmailSubmission>>("EmailSubmission/get", { "#ids": query.ref("/ids") });
    });
    const submission = got.result.list.find((one) => one.undoStatus !== "canceled");
    // A version of the draft bears a header that says so; what was made to be sent does not.
    const made =
      found.find((f) => f.id === submission?.emailId) ?? found.find((f) => !f.version && f.id !== s.replaces);
    if (made) await this.#put(s.id, { emailId: made.id });
    if (!submission) return states;
    await this.#put(s.id, { submissionId: submission.id });
    if (made?.keywords?.$draft) {
      const update = { [made.id]: leaving(places, s.at !== null) };
      await this.#o.server.batch((b) => b.call("Email/set", { update }));
    }
    return null;
  }
}

/** The email has left: from Drafts to Sent, or to where it waits for its time. */
function leaving(places: Places, later: boolean): PatchObject {
  const to = later && places.scheduled ? places.scheduled : places.sent;
  return { [`mailboxIds/${places.drafts}`]: null, [`mailboxIds/${to}`]: true, "keywords/$draft": null };
}

/** Without an envelope the server makes it of the email (RFC 8621 7). To be held it has to be said. */
function envelope(s: Sending, p: Prepared): object {
  if (!s.hold && !s.at) return {};
  const parameters = s.at ? { HOLDUNTIL: s.at } : { HOLDFOR: String(s.hold) };
  const to = [...new Map(p.to.map((email) => [email.toLowerCase(), email])).values()];
  return {
    envelope: { mailFrom: { email: p.from, parameters }, rcptTo: to.map((email) => ({ email, parameters: null })) },
  };
}

/** Takes a submission back, and makes its email a draft again. False: it has left. */
export async function cancel(server: Server, submissionId: Id, places: Places): Promise<boolean> {
  const set = await server.batch((b) =>
    b.call<SetResponse>("EmailSubmission/set", {
      update: { [submissionId]: { undoStatus: "canceled" } },
      onSuccessUpdateEmail: { [submissionId]: { mailboxIds: { [places.drafts]: true }, "keywords/$draft": true } },
    }),
  );
  return set.result.updated !== null && submissionId in (set.result.updated ?? {});
}

const refused = (why: SetError | undefined) => new ObjectError(why ?? { type: "serverFail" });

export function refusal(error: unknown): Refusal {
  const e = error as {
    type?: string;
    description?: string;
    detail?: string;
    message?: string;
    reason?: object;
    details?: object;
  };
  return {
    type: e.type ?? "unknown",
    description: e.description ?? e.detail ?? e.message ?? "",
    details: { ...e.reason, ...e.details },
  };
}
