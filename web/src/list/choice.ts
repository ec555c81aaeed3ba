// What is being chosen: one thing at a time, shown by <Choices/>.
import { signal } from "@preact/signals";
import type { Id } from "../jmap/types";
import type { MenuItem } from "../ui";

export interface Place {
  x: number;
  y: number;
}

export type Choice =
  | { kind: "snooze" | "move"; emailIds: readonly Id[]; at: Place; done?: (() => void) | undefined; from?: Id }
  | { kind: "label"; emailIds: readonly Id[]; at: Place; done?: (() => void) | undefined; from?: Id }
  | { kind: "menu"; label: string; items: readonly MenuItem[]; at: Place }
  | { kind: "mailbox"; title: string; at: Place; except: ReadonlySet<Id>; take: (id: Id) => void };

export const choice = signal<Choice | null>(null);

export function choose(what: Choice): void {
  choice.value = what;
}

export const chosen = (): void => {
  choice.value = null;
};
