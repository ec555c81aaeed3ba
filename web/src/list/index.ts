// Mailboxes and lists of mail: the pane of folders, the rows, what is selected, and what is done with it.
//
// Promises: a list is scrolled without that anything is measured, whatever its length; what is in sight stays where it is when mail comes
// above it; everything can be done by the keyboard, by the pointer and by a finger; nothing is destroyed without being asked for.

import { provide } from "../app/ports";
import { choose } from "./choice";
import { neighbours } from "./offered";

export { Choices } from "./choices";
export { FolderPane } from "./folders";
export { MessageList } from "./list";

export function fillPorts(): void {
  provide("neighbours", neighbours);
  provide("chooseSnooze", (emailIds, at, done) => choose({ kind: "snooze", emailIds, at, done }));
  provide("chooseMailbox", (emailIds, at, done) => choose({ kind: "move", emailIds, at, done }));
  provide("chooseLabels", (emailIds, at) => choose({ kind: "label", emailIds, at }));
}
