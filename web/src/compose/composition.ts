// A message that is open to be written: its draft as a signal, what saves it, what it carries, and where its window stands.
import { type ReadonlySignal, signal } from "@preact/signals";
import { act } from "../app/ports";
import { capability, type Email, type GetResponse, type Id, type Identity } from "../jmap/types";
import type { Mail } from "../model";
import { type Attached, type Draft, randomId, recipients, signatureOf, toEmail } from "./draft";
import type { Entry, Journal } from "./journal";
import type { Places, Refusal } from "./outbox";
import { Saver } from "./saver";
import type { Server } from "./server";
import { Uploads } from "./uploads";

export type View = "normal" | "minimized" | "full";

/** What is told above the message. */
export type Note =
  | { is: "kept" }
  | { is: "refused"; why: Refusal }
  | { is: "undone" }
  | { is: "tooLarge"; names: string[]; limit: number }
  | { is: "uploads" };

export interface CompositionOptions {
  mail: Mail;
  journal: Journal;
  places(): Promise<Places>;
}

interface MailLimits {
  maxSizeAttachmentsPerEmail?: number;
}

interface SubmissionLimits {
  submissionExtensions?: Record<string, string[]>;
}

export function newEntry(draft: Draft, serverId: Id | null = null): Entry {
  const revision = serverId ? 0 : 1;
  return { draft, revision, saved: serverId ? 0 : -1, serverId, stale: null, attempt: null, changedAt: Date.now() };
}

export class Composition {
  readonly key: string;
  readonly draft: ReadonlySignal<Draft>;
  readonly saver: Saver;
  readonly uploads: Uploads;
  readonly view = signal<View>("normal");
  readonly note = signal<Note | null>(null);
  /** Another tab has it: nothing can be written here. */
  readonly heldElsewhere = signal(false);
  readonly sending = signal(false);
  /** Rises when the draft was replaced as a whole: what shows it begins anew. */
  readonly generation = signal(0);
  /** What the editor has not handed on yet. */
  flushEditor: () => void = () => {};
  /** Where the cursor begins. */
  focus: "to" | "body";
  release: (() => void) | null = null;

  readonly #draft;
  readonly #o: CompositionOptions;
  readonly #blobs = new Map<string, Id>(); // of files, in the newest version
  #blobsOf: Id | null = null;
  readonly #pictures = new Map<string, string>(); // object URLs by cid

  constructor(entry: Entry, o: CompositionOptions) {
    this.#o = o;
    this.key = entry.draft.key;
    this.#draft = signal(entry.draft);
    this.draft = this.#draft;
    this.focus = entry.draft.to.length ? "body" : "to";
    this.saver = new Saver(entry, {
      server: o.mail.connection,
      journal: o.journal,
      email: (draft, version) => this.#email(draft, version),
      lost: (ids) => this.#lost(ids),
      later,
    });
    this.uploads = new Uploads({
      key: entry.draft.key,
      journal: o.journal,
      upload: (data, u) => o.mail.connection.upload(data, u),
      done: (id, blobId) => {
        this.#blobs.set(id, blobId);
        this.edit({ files: this.#draft.value.files.map((f) => (f.id === id ? { ...f, blobId } : f)) });
      },
    });
  }

  get identity(): Identity | undefined {
    const { identityId } = this.#draft.value;
    const all = this.#o.mail.identities.value;
    return all.find((i) => i.id === identityId) ?? all[0];
  }

  /** Something was written or chosen. */
  edit(news: Partial<Draft>): void {
    if (this.heldElsewhere.value) return;
    this.#draft.value = { ...this.#draft.value, ...news };
    this.saver.change(this.#draft.value);
    const { answers, to, cc } = this.#draft.value;
    act("typing")(
      "composing",
      [...to, ...cc].map((p) => p.email),
      answers?.how === "reply" ? answers.emailId : null,
    );
  }

  /** The draft is another one: of another device, or in another format. */
  replace(draft: Draft, saved = false): void {
    this.#draft.value = draft;
    this.generation.value++;
    if (!saved) this.saver.change(draft);
  }

  /** Writes as somebody else of oneself; the signature goes with it, unless it was written in. */
  async choose(identity: Identity): Promise<void> {
    const [before, after] = await Promise.all([signatureOf(this.identity), signatureOf(identity)]);
    const d = this.#draft.value;
    const same = d.rich && d.signature === before;
    this.edit({ identityId: identity.id, ...(same && { signature: after }) });
    if (same) this.generation.value++;
  }

  /** Attaches files; pictures for the text have a cid, which is returned with each. What is too large is told and left out. */
  attach(files: readonly File[], inline = false): Attached[] {
    const { fit, large, limit } = this.#fitting(files);
    if (large.length) this.note.value = { is: "tooLarge", names: large, limit };
    const added = fit.map((file): [Attached, File] => {
      const id = randomId();
      const cid = inline ? `${id}@mailmesh` : null;
      if (cid) this.#pictures.set(cid, URL.createObjectURL(file));
      return [{ id, name: file.name || "picture.png", type: file.type, size: file.size, blobId: null, cid }, file];
    });
    const list = added.map(([f]) => f);
    if (list.length) this.edit({ files: [...this.#draft.value.files, ...list] });
    for (const [attached, file] of added) void this.uploads.add(attached, file);
    return list;
  }

  /** What the server takes: of a file, and of all that goes with a message (RFC 8621 1.3.1; SIZE: RFC 1870). */
  #fitting(files: readonly File[]): { fit: File[]; large: string[]; limit: number } {
    const { capabilities, connection } = this.#o.mail;
    const { maxSizeAttachmentsPerEmail: attachments = Number.POSITIVE_INFINITY } = (capabilities[capability.mail] ??
      {}) as MailLimits;
    const [size] =
      (capabilities[capability.submission] as SubmissionLimits | undefined)?.submissionExtensions?.SIZE ?? [];
    // Base64 makes four octets of three, and lines; text and header want some room as well.
    const together = Math.min(attachments, size ? Number(size) * 0.72 : Number.POSITIVE_INFINITY);
    const limit = Math.min(connection.limits.maxSizeUpload, together);
    let room = together - this.#draft.value.files.reduce((sum, f) => sum + f.size, 0);
    const fit: File[] = [];
    const large: string[] = [];
    for (const file of files) {
      if (file.size > limit || file.size > room) large.push(file.name);
      else {
        fit.push(file);
        room -= file.size;
      }
    }
    return { fit, large, limit };
  }

  detach(id: string): void {
    void this.uploads.remove(id);
    this.edit({ files: this.#draft.value.files.filter((f) => f.id !== id) });
  }

  /** Where a picture of the text can be seen; undefined: nowhere yet. */
  picture(cid: string): string | undefined {
    const known = this.#pictures.get(cid);
    if (known) return known;
    const file = this.#draft.value.files.find((f) => f.cid === cid);
    if (!file?.blobId) return undefined;
    return this.#o.mail.connection.downloadURL(
      this.#blobs.get(file.id) ?? file.blobId,
      file.name || "picture",
      file.type,
    );
  }

  /** Goes on with the uploads of an earlier run of the program. */
  async resume(): Promise<void> {
    for (const f of this.#draft.value.files) {
      const data = f.cid || !f.blobId ? await this.uploads.data(f.id) : undefined;
      if (data && f.cid) this.#pictures.set(f.cid, URL.createObjectURL(data));
      if (!f.blobId) void this.uploads.send(f.id);
    }
    if (this.#draft.value.files.some((f) => f.cid)) this.generation.value++;
    if (!this.saver.isSaved) await this.saver.flush();
  }

  stop(): void {
    this.uploads.stop();
    for (const url of this.#pictures.values()) URL.revokeObjectURL(url);
    this.release?.();
    const { answers, to, cc } = this.#draft.value;
    act("typing")(
      "gone",
      [...to, ...cc].map((p) => p.email),
      answers?.how === "reply" ? answers.emailId : null,
    );
  }

  async #email(draft: Draft, version: string): Promise<Record<string, unknown>> {
    const { drafts } = await this.#o.places();
    const { serverId } = this.saver;
    if (serverId && serverId !== this.#blobsOf && draft.files.some((f) => f.blobId)) {
      for (const [id, blobId] of await newestBlobs(this.#o.mail.connection, serverId, draft.files))
        this.#blobs.set(id, blobId);
      this.#blobsOf = serverId;
    }
    const files = draft.files.map((f) => ({ ...f, blobId: f.blobId && (this.#blobs.get(f.id) ?? f.blobId) }));
    return toEmail({ ...draft, files }, { from: this.#from(draft), mailboxId: drafts, version });
  }

  #from(draft: Draft): Identity {
    const all = this.#o.mail.identities.value;
    const from = all.find((i) => i.id === draft.identityId) ?? all[0];
    if (!from) throw new Error("there is no identity to write as");
    return from;
  }

  /** The server has dropped uploads that nothing named: they are sent again. */
  #lost(ids: readonly Id[]): void {
    this.#blobsOf = null;
    const current = (f: Attached) => this.#blobs.get(f.id) ?? f.blobId;
    for (const f of this.#draft.value.files) {
      if (!ids.includes(current(f) ?? "")) continue;
      this.#blobs.delete(f.id);
      void this.uploads.send(f.id);
    }
  }
}

/** The blobs of what goes with a draft, as its version at the server has them: those of an earlier version go with it. */
export async function newestBlobs(server: Server, emailId: Id, files: readonly Attached[]): Promise<Map<string, Id>> {
  const got = await server.batch((b) =>
    b.call<GetResponse<Email>>("Email/get", {
      ids: [emailId],
      properties: ["attachments"],
      bodyProperties: ["blobId", "name", "size", "cid"],
    }),
  );
  const parts = [...(got.result.list[0]?.attachments ?? [])];
  const found = new Map<string, Id>();
  for (const f of files) {
    const at = parts.findIndex((p) => (f.cid ? p.cid === f.cid : (p.name ?? "") === f.name && p.size === f.size));
    if (f.blobId && at >= 0) found.set(f.id, parts.splice(at, 1)[0]!.blobId!);
  }
  return found;
}

export function later(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}

/** Why a draft cannot be sent as it is; null: it can. */
export function obstacle(
  d: Draft,
  maxRecipients: number,
): { is: "noRecipients" } | { is: "wrong"; n: number } | { is: "many"; max: number; n: number } | null {
  const all = recipients(d);
  const wrong = all.filter((p) => p.wrong).length;
  if (wrong) return { is: "wrong", n: wrong };
  if (!all.length) return { is: "noRecipients" };
  const n = new Set(all.map((p) => p.email.toLowerCase())).size;
  return n > maxRecipients ? { is: "many", max: maxRecipients, n } : null;
}

/** Words that say something is attached, in the languages of the client. Whoever wrote them and attached nothing is asked. */
const attachedWords =
  /\b(attach(?:ed|ment|ments|ing)|enclosed|see the file|angehängt|anhang|anhänge|anbei|beigefügt|im anhang|beiliegend)\b|(?:مرفق|المرفق|مرفقات|المرفقات|أرفقت|مرفقة)/iu;

export function mentionsAttachment(d: Draft, text: string): boolean {
  return !d.files.some((f) => !f.cid) && attachedWords.test(text);
}
