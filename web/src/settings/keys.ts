import type { Key } from "../i18n";

interface Group {
  title: Key;
  keys: readonly { text: Key; keys: readonly string[] }[];
}

/** What the keyboard does where; those who come from Gmail know it. The rooms themselves say what works at a moment (ui: useShortcuts). */
export const table: readonly Group[] = [
  {
    title: "settings.keys.everywhere",
    keys: [
      { text: "settings.keys.compose", keys: ["c"] },
      { text: "settings.keys.search", keys: ["/"] },
      { text: "settings.keys.undo", keys: ["z"] },
      { text: "settings.keys.shortcuts", keys: ["?"] },
      { text: "settings.keys.inbox", keys: ["g i"] },
      { text: "settings.keys.starred", keys: ["g s"] },
      { text: "settings.keys.sent", keys: ["g t"] },
      { text: "settings.keys.drafts", keys: ["g d"] },
      { text: "settings.keys.all", keys: ["g a"] },
      { text: "settings.keys.priority", keys: ["g p"] },
    ],
  },
  {
    title: "settings.keys.list",
    keys: [
      { text: "settings.keys.next", keys: ["j"] },
      { text: "settings.keys.previous", keys: ["k"] },
      { text: "settings.keys.open", keys: ["o", "Enter"] },
      { text: "settings.keys.select", keys: ["x"] },
      { text: "settings.keys.selectAll", keys: ["* a"] },
    ],
  },
  {
    title: "settings.keys.mail",
    keys: [
      { text: "settings.keys.archive", keys: ["e"] },
      { text: "settings.keys.trash", keys: ["#"] },
      { text: "settings.keys.junk", keys: ["!"] },
      { text: "settings.keys.star", keys: ["s"] },
      { text: "settings.keys.snooze", keys: ["b"] },
      { text: "settings.keys.mute", keys: ["m"] },
      { text: "settings.keys.move", keys: ["v"] },
      { text: "settings.keys.label", keys: ["l"] },
      { text: "settings.keys.read", keys: ["Shift+I"] },
      { text: "settings.keys.unread", keys: ["Shift+U"] },
      { text: "settings.keys.more", keys: ["."] },
    ],
  },
  {
    title: "settings.keys.conversation",
    keys: [
      { text: "settings.keys.reply", keys: ["r"] },
      { text: "settings.keys.replyAll", keys: ["a"] },
      { text: "settings.keys.forward", keys: ["f"] },
      { text: "settings.keys.nextMessage", keys: ["n"] },
      { text: "settings.keys.previousMessage", keys: ["p"] },
      { text: "settings.keys.back", keys: ["u"] },
    ],
  },
  {
    title: "settings.keys.writing",
    keys: [
      { text: "settings.keys.send", keys: ["Mod+Enter"] },
      { text: "settings.keys.sendLater", keys: ["Mod+Shift+Enter"] },
    ],
  },
];
