// JMAP as a browser speaks it: types, connection, batches, push, upload and download. It knows nothing of what is shown.

export { Batch, Call } from "./batch";
export { Connection, type ConnectionOptions, type Status, type Told } from "./connection";
export { ConnectionError, isTransient, MethodError, ObjectError, RequestError, SignedOutError } from "./errors";
export * from "./types";
export type { UploadOptions } from "./upload";
