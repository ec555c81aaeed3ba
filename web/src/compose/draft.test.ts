// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import type { Email, Identity } from "../jmap/types";
import { person } from "./address";
import { mentionsAttachment, obstacle } from "./composition";
import {
  type Draft,
  emptyDraft,
  fromEmail,
  inPlainText,
  inRichText,
  isEmpty,
  localDate,
  quotation,
  toEmail,
} from "./draft";

const from: Identity = {
  id: "I",
  name: "Ada",
  email: "ada@home.org",
  replyTo: [{ name: null, email: "office@home.org" }],
  bcc: null,
  textSignature: "",
  htmlSignature: "",
  mayDelete: false,
};
const draft = (more: Partial<Draft>): Draft => ({ ...emptyDraft(from), ...more });
const file = { id: "f", name: "a.txt", type: "text/plain", size: 3, blobId: "B1", cid: null };
const picture = { id: "p", name: "p.png", type: "image/png", size: 3, blobId: "B2", cid: "p@x" };

describe("the email of a draft", () => {
  test("has its people, its text in both forms, and what ties it to others", () => {
    const d = draft({
      to: [person("Bob", "b@b.org")],
      subject: "Hi",
      html: "<p>One</p><p></p><p>Two</p>",
      inReplyTo: ["x@y"],
      references: ["w@y", "x@y"],
      urgent: true,
    });
    const email = toEmail(d, { from, mailboxId: "D", version: "k.1" }) as Record<string, never>;
    expect(email).toMatchObject({
      mailboxIds: { D: true },
      keywords: { $draft: true, $seen: true },
      messageId: [d.messageId],
      from: [{ name: "Ada", email: "ada@home.org" }],
      replyTo: from.replyTo,
      to: [{ name: "Bob", email: "b@b.org" }],
      inReplyTo: ["x@y"],
      references: ["w@y", "x@y"],
      "header:Importance:asText": "high",
      "header:X-Mailmesh-Draft:asText": "k.1",
    });
    const { t, h } = email.bodyValues as unknown as Record<string, { value: string }>;
    expect(t!.value).toBe("One\n\nTwo");
    expect(h!.value).toContain("<div>One</div><div><br></div><div>Two</div>");
    expect(email).not.toHaveProperty("cc");
  });

  test("carries what is uploaded, and pictures that are in the text", () => {
    const of = (html: string) =>
      toEmail(draft({ html, files: [file, picture, { ...file, blobId: null }] }), { from, mailboxId: "D" });
    expect(of('<p><img src="cid:p@x"></p>').attachments).toEqual([
      { blobId: "B1", type: "text/plain", name: "a.txt", disposition: "attachment" },
      { blobId: "B2", type: "image/png", name: "p.png", disposition: "inline", cid: "p@x" },
    ]);
    expect((of("<p>no picture</p>").attachments as unknown[]).length).toBe(1);
  });

  test("has its styles only when it leaves", () => {
    const quote = quotation("Bob wrote:", '<p data-style="color:red">x</p>');
    const email = toEmail(draft({ html: "<p>y</p>", quote }), { from, mailboxId: "D" });
    const html = (email.bodyValues as Record<string, { value: string }>).h!.value;
    expect(html).toContain('<p style="color:red">x</p>');
    expect(html).not.toContain("data-style");
  });
});

describe("a draft that is opened", () => {
  const opened = (html: string, more: object = {}) =>
    fromEmail(
      {
        id: "1",
        messageId: ["m@x"],
        from: [{ name: null, email: "ADA@home.org" }],
        htmlBody: [{ partId: "1", type: "text/html" }],
        textBody: [{ partId: "1", type: "text/html" }],
        bodyValues: { 1: { value: html } },
        ...more,
      } as unknown as Email,
      [from],
      (h) => h,
    );

  test("has its parts again", () => {
    const d = draft({
      html: "<p>Hello</p>",
      signature: "<p>Ada</p>",
      quote: quotation("Bob wrote:", "<table></table>"),
    });
    const { h } = toEmail(d, { from, mailboxId: "D" }).bodyValues as Record<string, { value: string }>;
    const again = opened(h!.value);
    expect([again.html, again.signature, again.messageId, again.identityId]).toEqual([
      "<p>Hello</p>",
      "<p>Ada</p>",
      "m@x",
      "I",
    ]);
    expect(again.quote).toContain("Bob wrote:");
  });

  test("of another program keeps what the editor would spoil", () => {
    const again = opened("<table><tr><td>a</td></tr></table>");
    expect([again.html, again.quoteOpen]).toEqual(["", true]);
    expect(again.quote).toContain("<td>a</td>");
    expect(opened("<div>plain <b>enough</b></div>").html).toBe("<p>plain <b>enough</b></p>");
  });

  test("in plain text is plain text", () => {
    const text = { htmlBody: [{ partId: "1", type: "text/plain" }], textBody: [{ partId: "1", type: "text/plain" }] };
    expect(opened("a\nb\n", text)).toMatchObject({ rich: false, text: "a\nb" });
  });
});

test("from formats to plain text and back", () => {
  const plain = inPlainText(draft({ html: "<p>a <b>b</b></p>", quote: quotation("X:", "<p>q</p>") }));
  expect([plain.rich, plain.text]).toEqual([false, "a b\n\nX:\n\n> q"]);
  expect(inRichText(plain).html).toContain("<blockquote><p>q</p></blockquote>");
});

test("what is empty is not kept", () => {
  expect(isEmpty(draft({}))).toBe(true);
  expect(isEmpty(draft({ html: "<p> </p>" }))).toBe(true);
  expect(isEmpty(draft({ subject: "x" }))).toBe(false);
  expect(isEmpty(draft({ files: [file] }))).toBe(false);
  const answers = { emailId: "1", threadId: "2", how: "reply" as const };
  expect(isEmpty(draft({ subject: "Re: x", to: [person("", "a@b.org")], quote: "<p>q</p>", answers }))).toBe(true);
});

test("what keeps a message from being sent", () => {
  const to = (...emails: string[]) => draft({ to: emails.map((e) => person("", e)) });
  expect(obstacle(draft({}), 5)).toEqual({ is: "noRecipients" });
  expect(obstacle(to("a@b.org", "nobody"), 5)).toEqual({ is: "wrong", n: 1 });
  expect(obstacle(to("a@b.org", "A@B.org", "c@d.org"), 2)).toBeNull();
  expect(obstacle(to("a@b.org", "c@d.org", "e@f.org"), 2)).toEqual({ is: "many", max: 2, n: 3 });
});

test("whoever speaks of an attachment has attached something", () => {
  expect(mentionsAttachment(draft({}), "I attached it")).toBe(true);
  expect(mentionsAttachment(draft({ files: [file] }), "I attached it")).toBe(false);
  expect(mentionsAttachment(draft({}), "Anbei der Plan")).toBe(true);
  expect(mentionsAttachment(draft({}), "تجدون المرفق أدناه")).toBe(true);
  expect(mentionsAttachment(draft({}), "a long attachmentless story")).toBe(false);
});

test("a date has the zone of who writes", () => {
  expect(new Date(localDate(new Date("2026-11-22T12:00:00Z"))).toISOString()).toBe("2026-11-22T12:00:00.000Z");
});
