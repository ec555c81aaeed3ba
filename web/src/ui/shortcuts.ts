// The keyboard. Rooms say which keys do what while they are shown; the newest room that has a key gets it. A sequence is two keys with a
// blank between them ("g i"), within a second. No key works while somebody writes, but for those with Ctrl, ⌘ or Alt, and Escape.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Key } from "../i18n";

export interface Shortcut {
  keys: string; // as in "e", "Shift+I", "Mod+Enter" (Ctrl, or ⌘ on a Mac), "g i", "Escape"
  text: Key; // what it does
  do: (e: KeyboardEvent) => void;
  when?: () => boolean; // else another room may have it
  writing?: boolean; // works while somebody writes, too
}

interface Room {
  name: Key;
  shortcuts: () => readonly Shortcut[];
}

/** The rooms that are shown, the newest last: the page of all shortcuts lists them. */
export const rooms = signal<readonly Room[]>([]);

/** Keys work while the component that says so is there. */
export function useShortcuts(name: Key, shortcuts: readonly Shortcut[]): void {
  const current = useRef(shortcuts);
  current.current = shortcuts;
  useEffect(() => {
    const room: Room = { name, shortcuts: () => current.current };
    rooms.value = [...rooms.value, room];
    return () => {
      rooms.value = rooms.value.filter((r) => r !== room);
    };
  }, [name]);
}

const sequenceTime = 1000;
let first = "";
let firstAt = 0;

/** The name of the key that was pressed, as shortcuts write it. */
export function pressed(e: KeyboardEvent): string {
  const key = e.key === " " ? "Space" : e.key;
  const shifted = e.shiftKey && (key.length > 1 || key.toLowerCase() !== key.toUpperCase());
  return `${e.ctrlKey || e.metaKey ? "Mod+" : ""}${e.altKey ? "Alt+" : ""}${shifted ? "Shift+" : ""}${shifted && key.length === 1 ? key.toUpperCase() : key}`;
}

const isWriting = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type)));

/** Handles a key; a frame with a message in it hands its keys here, too. */
export function handleKey(e: KeyboardEvent): void {
  if (e.defaultPrevented || e.isComposing || ["Shift", "Control", "Alt", "Meta"].includes(e.key)) return;
  const key = pressed(e);
  const sequence = Date.now() - firstAt < sequenceTime && first ? `${first} ${key}` : "";
  const writing = isWriting(e.target);
  const open = document.querySelector("dialog[open]");
  for (const wanted of sequence ? [sequence, key] : [key]) {
    for (const room of rooms.value.toReversed()) {
      for (const s of room.shortcuts()) {
        if (s.keys !== wanted || (writing && !s.writing) || (open && !s.writing) || s.when?.() === false) continue;
        first = "";
        e.preventDefault();
        s.do(e);
        return;
      }
    }
  }
  const starts = !writing && !open && rooms.value.some((r) => r.shortcuts().some((s) => s.keys.startsWith(`${key} `)));
  first = starts ? key : "";
  firstAt = Date.now();
}

export function listen(): void {
  addEventListener("keydown", handleKey);
}

/** A shortcut as people read it. */
export function readable(keys: string): string {
  const mac = /Mac|iP/.test(navigator.platform);
  return keys.replace("Mod+", mac ? "⌘" : "Ctrl+").replace("Shift+", mac ? "⇧" : "Shift+");
}
