// What this device has been told to look and behave like: things that are the device's and not the account's.
//
// Each preference is a signal: who shows it is drawn again when it changes, in this tab or in another one. Promises: a value is always one of
// those allowed, whatever storage holds; without storage all works until the page is closed. Nothing of a mail is ever kept here.
import { Preferences, type Shelf } from "./preference";

export type { Preference } from "./preference";

function shelf(): Shelf | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // blocked by the browser's settings
  }
}

const kept = new Preferences(shelf());

export const preferences = {
  theme: kept.choice("theme", ["system", "light", "dark"]),
  density: kept.choice("density", ["comfortable", "compact"]),
  /** A language tag of i18n; empty: as the browser asks for. */
  language: kept.text("language"),
  readingPane: kept.choice("readingPane", ["side", "off"]),

  /** How long a message can be called back after "send", in seconds. */
  undoSeconds: kept.choice("undoSeconds", [10, 0, 5, 20, 30]),
  /** In the quick reply line Enter sends, and Shift+Enter begins a line. */
  enterSends: kept.flag("enterSends", true),
  /** What the key r, and the first button under a message, do where there are several recipients. */
  defaultReply: kept.choice("defaultReply", ["sender", "all"]),
  plainText: kept.flag("plainText", false),

  /** Pictures that a message would load from elsewhere. They come through our server in any case. */
  remotePictures: kept.choice("remotePictures", ["ask", "contacts", "always"]),

  /** Notifications on this device, for which the browser has been asked. */
  notify: kept.flag("notify", false),
  /** And by Web Push, when no tab is open. */
  push: kept.flag("push", false),
  /** What tells this browser from others to the server: a random text. */
  device: kept.text("device"),
  recentEmoji: kept.texts("recentEmoji", 24),
} as const;

globalThis.addEventListener?.("storage", (e: StorageEvent) => {
  if (e.storageArea === shelf()) kept.changedElsewhere(e.key);
});
