import { expect, test } from "vitest";
import { isTold, notice, patch, type Told, type Words, whoOf } from "./notice";

const words: Words = {
  someone: "New message",
  noSubject: "(no subject)",
  several: { one: "{n} new message", other: "{n} new messages" },
  reply: "Reply",
  archive: "Archive",
  read: "Mark as read",
  language: "en",
  direction: "ltr",
};
const told: Told = {
  accountId: "A1",
  emailId: "M1",
  threadId: "T1",
  receivedAt: "2026-11-22T12:00:00Z",
  isUrgent: false,
  from: { name: "Zoe", email: "zoe@x" },
  subject: "hello",
  preview: "Are you there?",
};

test("a mail is told with who, what and how it begins", () => {
  const shown = notice(told, [], words)!;
  expect(shown.title).toBe("Zoe");
  expect(shown.options).toMatchObject({ body: "hello\nAre you there?", tag: "thread T1", requireInteraction: false });
});

test("those of a thread are one, which counts them", () => {
  const shown = notice({ ...told, emailId: "M2" }, [{ accountId: "A1", threadId: "T1", emailIds: ["M1"] }], words)!;
  expect(shown.options.body).toBe("hello\nAre you there?\n2 new messages");
  expect(shown.options.data.emailIds).toEqual(["M1", "M2"]);
});

test("one that is shown is not shown again", () => {
  expect(notice(told, [{ accountId: "A1", threadId: "T1", emailIds: ["M1"] }], words)).toBeNull();
});

test("where the account wants nothing told, nothing is", () => {
  const { from: _from, subject: _subject, preview: _preview, ...bare } = told;
  expect(notice(bare, [], words)).toMatchObject({ title: "New message", options: { body: "" } });
});

test("an author without a name, a mail without a subject", () => {
  const shown = notice({ ...told, from: { name: " ", email: "zoe@x" }, subject: " ", preview: "" }, [], words)!;
  expect([shown.title, shown.options.body]).toEqual(["zoe@x", "(no subject)"]);
});

test("urgent mail stays until it is seen", () => {
  expect(notice({ ...told, isUrgent: true }, [], words)!.options.requireInteraction).toBe(true);
});

test.each([
  [true, { "@type": "Notification", ...told }],
  [false, { "@type": "StateChange" }],
  [false, { "@type": "Notification", emailId: 1 }],
  [false, null],
  [false, "Notification"],
])("is a notification: %s", (is, object) => {
  expect(isTold(object)).toBe(is);
});

test("a name that is another one's address is not believed", () => {
  expect(whoOf({ name: "service@bank.example", email: "eve@evil.example" })).toBe("eve@evil.example");
  expect(whoOf({ name: "\u202eknab", email: "eve@evil.example" })).toBe("knab");
});

test("what the buttons do", () => {
  expect(patch("read", {})).toEqual({ "keywords/$seen": true });
  expect(patch("archive", { inbox: "I", archive: "R" })).toEqual({
    "keywords/$seen": true,
    "mailboxIds/I": null,
    "mailboxIds/R": true,
  });
  expect(patch("archive", { inbox: "I" })).toBeNull();
  expect(patch("reply", { inbox: "I", archive: "R" })).toBeNull();
});
