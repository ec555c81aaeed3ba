import { expect } from "@playwright/test";
import type { Person } from "./person.ts";

export interface View {
  name: string;
  /** Shows it to somebody who has the sample mail, whatever the language; by keys and addresses alone. */
  show: (p: Person) => Promise<void>;
  wide?: boolean; // only where there is a keyboard, or room
}

const row = '[role="row"]';

const pages = [
  "account",
  "identities",
  "vacation",
  "notifications",
  "privacy",
  "people",
  "writing",
  "appearance",
  "shortcuts",
  "about",
];

/** Opens the conversation that has an email with this in its subject. */
export async function conversation(p: Person, subject: string): Promise<void> {
  const { threadId } = await p.jmap.email(subject);
  await p.open(`/mail/inbox/${threadId}`);
  await expect(p.page.locator("article[data-message]").last()).toBeVisible();
}

async function list(p: Person, path: string): Promise<void> {
  await p.open(path);
  await expect(p.page.locator(row).first()).toBeVisible();
}

async function inConversation(p: Person, keys: string): Promise<void> {
  await conversation(p, "Ferry timetable");
  await p.page.keyboard.press(keys);
  await expect(
    p.page.getByRole("menu").or(p.page.getByRole("dialog")).or(p.page.getByRole("listbox")).first(),
  ).toBeVisible();
}

/** Everything there is to see: what is looked at for barriers, for words of no catalogue, and for what does not fit. */
export const views: readonly View[] = [
  { name: "inbox", show: (p) => list(p, "/mail/inbox") },
  { name: "priority", show: (p) => list(p, "/mail/priority") },
  { name: "sent", show: (p) => list(p, "/mail/sent") },
  { name: "an empty mailbox", show: (p) => p.open("/mail/trash") },
  { name: "found", show: (p) => list(p, "/mail/search?q=ferry") },
  { name: "nothing found", show: (p) => p.open("/mail/search?q=zzzzzz") },
  { name: "conversation", show: (p) => conversation(p, "Ferry timetable") },
  { name: "invitation", show: (p) => conversation(p, "Invitation") },
  { name: "newsletter", show: (p) => conversation(p, "Lighthouses") },
  { name: "attachments", show: (p) => conversation(p, "Pictures from Sunday") },
  {
    name: "search box",
    wide: true,
    show: async (p) => {
      await list(p, "/mail/inbox");
      await p.page.keyboard.press("/");
      await p.page.keyboard.type("is:");
      await expect(p.page.getByRole("listbox").or(p.page.getByRole("option")).first()).toBeVisible();
    },
  },
  {
    name: "shortcuts",
    wide: true,
    show: async (p) => {
      await list(p, "/mail/inbox");
      await p.page.keyboard.press("?");
      await expect(p.page.getByRole("dialog")).toBeVisible();
    },
  },
  {
    name: "account menu",
    show: async (p) => {
      await list(p, "/mail/inbox");
      await p.page.locator('header button[aria-haspopup="menu"]').last().click();
      await expect(p.page.getByRole("menu")).toBeVisible();
    },
  },
  {
    name: "chosen rows",
    wide: true,
    show: async (p) => {
      await list(p, "/mail/inbox");
      await p.page.keyboard.press("j");
      await p.page.keyboard.press("x");
      await expect(p.page.locator(`${row}[aria-selected="true"]`)).toHaveCount(1);
    },
  },
  {
    name: "context menu",
    wide: true,
    show: async (p) => {
      await list(p, "/mail/inbox");
      await p.page.locator(row).nth(1).click({ button: "right" });
      await expect(p.page.getByRole("menu")).toBeVisible();
    },
  },
  { name: "snooze", wide: true, show: (p) => inConversation(p, "b") },
  { name: "labels", wide: true, show: (p) => inConversation(p, "l") },
  { name: "move", wide: true, show: (p) => inConversation(p, "v") },
  ...pages.map((page) => ({
    name: `settings, ${page}`,
    show: async (p: Person) => {
      await p.open(`/mail/settings/${page}`);
      await expect(p.page.getByRole("heading", { level: 2 }).first()).toBeVisible();
    },
  })),
  // What is being written stays open wherever one goes, so that it comes last.
  {
    name: "composer",
    show: async (p) => {
      await p.open("/mail/inbox?compose&subject=Hello&body=Hello");
      await expect(p.page.locator('[contenteditable="true"], textarea').last()).toBeVisible();
    },
  },
];
