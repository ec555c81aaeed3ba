// Files on their way to the server: how far each is, and what went wrong. The file itself is in the journal until the message has gone.
import { type ReadonlySignal, signal } from "@preact/signals";
import { isTransient } from "../jmap/errors";
import type { Id, Upload } from "../jmap/types";
import type { Attached } from "./draft";
import type { Journal } from "./journal";

export interface Progress {
  fraction: number; // 0 to 1
  error: unknown; // null: it goes on
}

export interface UploadsOptions {
  key: string; // of the draft
  journal: Journal;
  upload(data: Blob, o: { onProgress(fraction: number): void; signal: AbortSignal }): Promise<Pick<Upload, "blobId">>;
  done(id: string, blobId: Id): void;
}

/** A file is tried so often by itself where the connection fails; then the user says when. */
const tries = 3;

export class Uploads {
  readonly #progress = signal<ReadonlyMap<string, Progress>>(new Map());
  /** By the id of the file; those that are done are not in it. */
  readonly progress: ReadonlySignal<ReadonlyMap<string, Progress>> = this.#progress;
  readonly #o: UploadsOptions;
  readonly #running = new Map<string, { abort: AbortController; done: Promise<void> }>();
  /** Files of this run of the program, for when the journal cannot keep them. */
  readonly #files = new Map<string, Blob>();

  constructor(o: UploadsOptions) {
    this.#o = o;
  }

  /** Keeps a file, and sends it. */
  async add(file: Attached, data: Blob): Promise<void> {
    this.#files.set(file.id, data);
    this.#set(file.id, { fraction: 0, error: null });
    await this.#o.journal.putFile(this.#o.key, file.id, data).catch(() => {});
    await this.send(file.id);
  }

  /** Sends one that is kept, again where that failed. */
  send(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (running) return running.done;
    const abort = new AbortController();
    const done = this.#send(id, abort.signal).finally(() => this.#running.delete(id));
    this.#running.set(id, { abort, done });
    return done;
  }

  async remove(id: string): Promise<void> {
    this.#running.get(id)?.abort.abort();
    this.#files.delete(id);
    this.#set(id, null);
    await this.#o.journal.removeFile(this.#o.key, id).catch(() => {});
  }

  /** The bytes of a file that was added here. */
  async data(id: string): Promise<Blob | undefined> {
    return this.#files.get(id) ?? (await this.#o.journal.file(this.#o.key, id).catch(() => undefined));
  }

  /** All that are under way have come, or have failed. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map((r) => r.done));
  }

  stop(): void {
    for (const { abort } of this.#running.values()) abort.abort();
  }

  async #send(id: string, signal: AbortSignal): Promise<void> {
    this.#set(id, { fraction: 0, error: null });
    for (let attempt = 1; ; attempt++) {
      try {
        const data = await this.data(id);
        if (!data) throw new Lost();
        const onProgress = (fraction: number) => this.#set(id, { fraction, error: null });
        const { blobId } = await this.#o.upload(data, { onProgress, signal });
        if (signal.aborted) return;
        this.#set(id, null);
        this.#o.done(id, blobId);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (attempt < tries && isTransient(error)) continue;
        this.#set(id, { fraction: 0, error });
        return;
      }
    }
  }

  #set(id: string, progress: Progress | null): void {
    const all = new Map(this.#progress.value);
    if (progress) all.set(id, progress);
    else all.delete(id);
    this.#progress.value = all;
  }
}

/** Neither this device nor the server has the file any more. */
export class Lost extends Error {}
