// Writing: composer windows, the quick reply, drafts and what is on its way. What the room promises: nothing that was typed is lost
// (saver.ts, journal.ts), and what was sent goes once (outbox.ts).
import { type Compose, fill, provide, type Sendable } from "../app/ports";
import { later } from "../ui";
import { desk } from "./layer";
import { Pending } from "./pending";
import { sendOf } from "./program";
import { QuickReply } from "./quickreply";
import { Scheduled } from "./scheduled";

export { ComposeLayer } from "./layer";
export { fromParameters } from "./mailto";

/** The rich editor, for signatures. */
const Editor = later(() => import("./rich").then((m) => m.SmallEditor));

/** Fills the ports of the room. */
export function fillPorts(): void {
  fill("QuickReply", QuickReply);
  fill("Pending", Pending);
  fill("Scheduled", Scheduled);
  fill("Editor", Editor);
  provide("compose", open);
  provide("send", send);
}

/** Opens a composer. */
function open(what: Compose): void {
  void desk.value?.open(what);
}

/** Sends a mail that a program has written. */
async function send(message: Sendable): Promise<void> {
  if (!desk.value) throw new Error("nobody is signed in");
  await sendOf(desk.value, message);
}
