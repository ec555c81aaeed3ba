// What the parts of an open conversation share.
import type { Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Email, EmailBodyPart } from "../jmap";
import type { Destination } from "../safe";

export interface Shared {
  /** Where the link under the pointer, or the one that has the focus, leads. */
  readonly hint: Signal<Destination | undefined>;
  /** The attachments that are looked at, and which of them. */
  readonly looking: Signal<{ parts: readonly EmailBodyPart[]; at: number } | undefined>;
  /** A page about an email: its original, or why it is here. */
  readonly about: Signal<{ page: "original" | "why"; email: Email } | undefined>;
}

export const SharedContext = createContext<Shared | undefined>(undefined);

export function useShared(): Shared {
  const shared = useContext(SharedContext);
  if (!shared) throw new Error("useShared: outside of a conversation");
  return shared;
}
