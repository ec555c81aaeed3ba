import { describe, expect, test } from "vitest";
import type { Contact, Email } from "../../jmap";
import { authentication, reasons } from "./why";

const mine = new Set(["ann@example.org"]);
const known = (email: Omit<Email, "id">, more: Partial<Parameters<typeof reasons>[0]> = {}) =>
  reasons({
    email: { id: "M1", ...email },
    headers: [],
    mine,
    contact: undefined,
    folders: [],
    inJunk: false,
    snoozedUntil: undefined,
    ...more,
  }).map((f) => f.key.replace("conversation.", ""));

describe("why a message is here", () => {
  test("it was sent to one of my addresses, or none of them stands in it", () => {
    expect(known({ to: [{ name: null, email: "Ann@Example.org" }] })).toContain("whyTo");
    expect(known({ cc: [{ name: null, email: "ann@example.org" }] })).toContain("whyCc");
    expect(known({ to: [{ name: null, email: "list@example.org" }] })).toContain("whyBcc");
  });

  test("it was forwarded, by a list", () => {
    const headers = [
      { name: "Delivered-To", value: "old@example.net" },
      { name: "List-Id", value: "News <n.example.org>" },
    ];
    expect(known({}, { headers })).toEqual(expect.arrayContaining(["whyForwarded", "whyList"]));
  });

  test("it is junk: the sender is blocked, it was marked, a filter said so, or nobody knows", () => {
    expect(known({}, { inJunk: true })).toContain("whyInJunk");
    expect(known({ keywords: { $junk: true } }, { inJunk: true })).toContain("whyMarkedJunk");
    expect(known({}, { inJunk: true, contact: { isBlocked: true } as Contact })[0]).toBe("whyBlocked");
    expect(known({}, { inJunk: true, headers: [{ name: "X-Spam-Status", value: "Yes, score=9" }] })).toContain(
      "whyScore",
    );
  });
});

describe("who has checked it", () => {
  test("the topmost field counts, comments do not", () => {
    const facts = authentication([
      {
        name: "Authentication-Results",
        value: "mx.example.org; spf=fail (a; dkim=pass) smtp.mailfrom=x; dkim=pass header.d=y; dmarc=none",
      },
      { name: "Authentication-Results", value: "evil; dmarc=pass" },
    ]);
    expect(facts.map((f) => [f.kind, f.holes?.what ?? "", f.holes?.result ?? ""])).toEqual([
      ["bad", "SPF", "fail"],
      ["good", "DKIM", "pass"],
      ["plain", "DMARC", "none"],
      ["plain", "", ""],
    ]);
  });

  test("nobody, though it may be signed", () => {
    expect(
      authentication([{ name: "DKIM-Signature", value: "v=1; a=rsa-sha256; d=example.org; s=a" }]).map((f) => f.key),
    ).toEqual(["conversation.whySigned", "conversation.whyUnchecked"]);
  });
});
