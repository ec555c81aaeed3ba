// Blobs over HTTP (RFC 8620 6): up with progress, and down by a URL that the browser itself may follow.

import { ConnectionError, RequestError, SignedOutError } from "./errors";
import { pathOf, requestError } from "./http";
import type { Id, Upload } from "./types";

export interface UploadOptions {
  /** From 0 to 1. */
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/** A URL of the session with its variables filled in (RFC 6570, level 1). */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return pathOf(template).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
}

/** Nothing of an upload has moved for so long: it is given up. */
const stalled = 60_000;

/** Sends a blob. XMLHttpRequest, since fetch tells nothing of how far it is. */
export function sendBlob(
  url: string,
  data: Blob,
  headers: Readonly<Record<string, string>>,
  o: UploadOptions,
): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let watch: ReturnType<typeof setTimeout>;
    const watchOver = () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), stalled);
    };
    const cancel = () => request.abort();
    const end = (act: () => void) => () => {
      clearTimeout(watch);
      o.signal?.removeEventListener("abort", cancel);
      act();
    };
    request.open("POST", url);
    request.setRequestHeader("Content-Type", data.type || "application/octet-stream");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => {
      watchOver();
      if (e.lengthComputable) o.onProgress?.(e.loaded / e.total);
    };
    request.onload = end(() => settle(request, resolve, reject));
    request.onerror = end(() => reject(new ConnectionError("the upload was cut off")));
    request.onabort = end(() =>
      reject(o.signal?.aborted ? o.signal.reason : new ConnectionError("the upload went no further")),
    );
    o.signal?.addEventListener("abort", cancel);
    if (o.signal?.aborted) return end(() => reject(o.signal!.reason))();
    watchOver();
    request.send(data);
  });
}

function settle(request: XMLHttpRequest, resolve: (u: Upload) => void, reject: (e: Error) => void): void {
  let said: Record<string, unknown> = {};
  try {
    said = JSON.parse(request.responseText);
  } catch {
    // The status says enough.
  }
  if (request.status === 401) reject(new SignedOutError());
  else if (request.status < 200 || request.status > 299) reject(requestError(request.status, said));
  else if (typeof said.blobId !== "string") reject(new ConnectionError("the answer broke off"));
  else resolve(said as unknown as Upload);
}

/** What is larger than the server takes is refused before it is sent. */
export function checkSize(data: Blob, most: number): void {
  if (data.size > most)
    throw new RequestError(413, "urn:ietf:params:jmap:error:limit", `at most ${most} bytes`, "maxSizeUpload");
}

/** Where a blob is. type is what the answer says it is, name what a browser calls it. */
export function blobURL(template: string, accountId: Id, blobId: Id, name: string, type: string): string {
  return fill(template, { accountId, blobId, name: name || "file", type });
}
