// What was written, on this device, before the server has it: a crash, a closed tab or an expired session loses nothing.
//
// Promises: put has happened when its promise resolves, wholly or not at all. Entries belong to an account: another one who signs in with
// the same browser does not see them. An entry goes when the server has what is in it, and the user has closed it, or sent it.
// Where the browser keeps nothing (a private window, a full disk) writing goes on without: the server still gets each version.
import type { Id } from "../jmap/types";
import type { Draft } from "./draft";
import type { Sending } from "./outbox";

/** A draft, with how much of it the server has. */
export interface Entry {
  draft: Draft;
  revision: number; // rises with each change
  saved: number; // the revision that the server has; -1: none
  serverId: Id | null; // of the newest version that is known to be there
  stale: Id | null; // the version before it, which is still to be destroyed
  attempt: Attempt | null; // a version whose fate is not known
  changedAt: number;
}

export interface Attempt {
  version: string; // as its header says
  revision: number;
}

export interface Journal {
  put(entry: Entry): Promise<void>;
  entries(): Promise<Entry[]>;
  /** Removes a draft and its files. */
  remove(key: string): Promise<void>;
  putFile(key: string, id: string, data: Blob): Promise<void>;
  file(key: string, id: string): Promise<Blob | undefined>;
  removeFile(key: string, id: string): Promise<void>;
  putSending(sending: Sending): Promise<void>;
  sendings(): Promise<Sending[]>;
  removeSending(id: string): Promise<void>;
}

/** The journal of an account in this browser. */
export class BrowserJournal implements Journal {
  #db: Promise<IDBDatabase> | undefined;

  constructor(private readonly accountId: Id) {}

  async #store<T>(name: string, mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    this.#db ??= open();
    const db = await this.#db.catch((e) => {
      this.#db = undefined;
      throw e;
    });
    return new Promise((resolve, reject) => {
      // "relaxed": the browser may end at any moment; that the machine does is worth no waiting at each key.
      const transaction = db.transaction(name, mode, { durability: "relaxed" });
      const request = act(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? request.error);
    });
  }

  #all(): IDBKeyRange {
    return IDBKeyRange.bound([this.accountId], [this.accountId, []]);
  }

  async put(entry: Entry): Promise<void> {
    await this.#store("drafts", "readwrite", (s) => s.put(entry, [this.accountId, entry.draft.key]));
  }

  entries(): Promise<Entry[]> {
    return this.#store("drafts", "readonly", (s) => s.getAll(this.#all()));
  }

  async remove(key: string): Promise<void> {
    await this.#store("drafts", "readwrite", (s) => s.delete([this.accountId, key]));
    const files = IDBKeyRange.bound([this.accountId, key], [this.accountId, key, []]);
    await this.#store("files", "readwrite", (s) => s.delete(files));
  }

  async putFile(key: string, id: string, data: Blob): Promise<void> {
    await this.#store("files", "readwrite", (s) => s.put(data, [this.accountId, key, id]));
  }

  file(key: string, id: string): Promise<Blob | undefined> {
    return this.#store("files", "readonly", (s) => s.get([this.accountId, key, id]));
  }

  async removeFile(key: string, id: string): Promise<void> {
    await this.#store("files", "readwrite", (s) => s.delete([this.accountId, key, id]));
  }

  async putSending(sending: Sending): Promise<void> {
    await this.#store("outbox", "readwrite", (s) => s.put(sending, [this.accountId, sending.id]));
  }

  sendings(): Promise<Sending[]> {
    return this.#store("outbox", "readonly", (s) => s.getAll(this.#all()));
  }

  async removeSending(id: string): Promise<void> {
    await this.#store("outbox", "readwrite", (s) => s.delete([this.accountId, id]));
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("mailmesh-compose", 1);
    request.onupgradeneeded = () => {
      for (const name of ["drafts", "files", "outbox"]) request.result.createObjectStore(name);
    };
    request.onsuccess = () => {
      // Another tab of a newer program waits for this one to let go.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds the journal"));
  });
}

/** A journal that forgets: where the browser keeps nothing, and for tests. */
export class MemoryJournal implements Journal {
  readonly drafts = new Map<string, Entry>();
  readonly files = new Map<string, Blob>();
  readonly outbox = new Map<string, Sending>();

  async put(entry: Entry) {
    this.drafts.set(entry.draft.key, structuredClone(entry));
  }
  async entries() {
    return structuredClone([...this.drafts.values()]);
  }
  async remove(key: string) {
    this.drafts.delete(key);
    for (const name of this.files.keys()) if (name.startsWith(`${key} `)) this.files.delete(name);
  }
  async putFile(key: string, id: string, data: Blob) {
    this.files.set(`${key} ${id}`, data);
  }
  async file(key: string, id: string) {
    return this.files.get(`${key} ${id}`);
  }
  async removeFile(key: string, id: string) {
    this.files.delete(`${key} ${id}`);
  }
  async putSending(sending: Sending) {
    this.outbox.set(sending.id, structuredClone(sending));
  }
  async sendings() {
    return structuredClone([...this.outbox.values()]);
  }
  async removeSending(id: string) {
    this.outbox.delete(id);
  }
}
