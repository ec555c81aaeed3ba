// Actions on many emails: in pieces, with a progress that is seen, and one undo for all of them.
import { signal } from "@preact/signals";
import { t } from "../i18n";
import type { Id } from "../jmap/types";
import type { Actions, Mail, Undo } from "../model";
import { announce, toast } from "../ui";

export type How = (actions: Actions, ids: readonly Id[]) => Undo;

/** More than this are done in pieces of so many. */
const piece = 1_000;

export interface Progress {
  done: number;
  total: number;
  stop: () => void;
}

/** What is under way. */
export const progress = signal<Progress | null>(null);

/** Does something with emails, however many. */
export async function doWith(mail: Mail, ids: readonly Id[], how: How): Promise<void> {
  if (ids.length === 0) return;
  if (ids.length <= piece) {
    how(mail.do, ids);
    return;
  }
  const undos: Undo[] = [];
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  try {
    for (let at = 0; at < ids.length && !stopped; at += piece) {
      progress.value = { done: at, total: ids.length, stop };
      const undo = how(mail.do.quietly, ids.slice(at, at + piece));
      await undo.done;
      undos.push(undo);
    }
  } catch {
    // What was refused has been told by the model; what was done before can be undone.
  } finally {
    progress.value = null;
  }
  const n = Math.min(ids.length, undos.length * piece);
  if (n === 0) return;
  const undo = () => {
    for (const u of undos.toReversed()) u.undo();
  };
  toast({ text: t("list.doneWith", { n }), undo });
  announce(t("list.doneWith", { n }));
}
