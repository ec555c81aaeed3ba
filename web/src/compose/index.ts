// Writing: composer windows, the quick reply, drafts and what is on its way. What the room promises: nothing that was typed is lost
// (saver.ts, journal.ts), and what was sent goes once (outbox.ts).
import type { Compose, Sendable } from "../app/ports";
import { later } from "../ui";
import { desk } from "./layer";

export { ComposeLayer } from "./layer";
export { fromParameters } from "./mailto";
export { Pending } from "./pending";
export { QuickReply } from "./quickreply";
export { Scheduled } from "./scheduled";

/** The rich editor, for signatures. */
export const Editor = later(() => import("./rich").then((m) => m.SmallEditor));

/** Opens a composer. */
export function open(what: Compose): void {
  void desk.value?.open(what);
}

/** Sends a mail that a program has written. */
export async function send(message: Sendable): Promise<void> {
  await desk.value?.program(message);
}

/** Somebody signs out: the server gets all that is written. */
export async function leaving(): Promise<void> {
  await desk.value?.stop();
}
