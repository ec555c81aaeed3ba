import { describe, expect, test } from "vitest";
import type { Email, Identity } from "../jmap/types";
import { answering, answerSubject, answerTo, forwardSubject, tied } from "./reply";

const me = "me@home.org";
const list = (text: string | undefined) => text?.split(",").map((email) => ({ name: null, email }));
const mail = (from: string, to: string, more: { cc?: string; replyTo?: string; followup?: string } = {}): Email => ({
  id: "1",
  from: list(from),
  to: list(to),
  cc: list(more.cc),
  replyTo: list(more.replyTo),
  "header:Mail-Followup-To:asAddresses": list(more.followup) ?? null,
});

describe("whom an answer goes to", () => {
  const cases: [string, Email, "reply" | "replyAll", string, string][] = [
    ["the author", mail("ann@a.org", `${me},bob@b.org`), "reply", "ann@a.org", ""],
    [
      "all",
      mail("ann@a.org", `${me},bob@b.org`, { cc: `c@c.org,${me}` }),
      "replyAll",
      "ann@a.org,bob@b.org",
      "c@c.org",
    ],
    [
      "all, each once",
      mail("ann@a.org", "ANN@a.org,bob@b.org", { cc: "bob@b.org" }),
      "replyAll",
      "ann@a.org,bob@b.org",
      "",
    ],
    ["where the author wants answers", mail("ann@a.org", me, { replyTo: "office@a.org" }), "reply", "office@a.org", ""],
    ["there, and to all", mail("ann@a.org", "list@l.org", { replyTo: "list@l.org" }), "replyAll", "list@l.org", ""],
    [
      "where the list wants answers",
      mail("ann@a.org", "list@l.org", { cc: "x@x.org", followup: `list@l.org,${me}` }),
      "replyAll",
      "list@l.org",
      "",
    ],
    [
      "the author, whatever the list wants",
      mail("ann@a.org", "list@l.org", { followup: "list@l.org" }),
      "reply",
      "ann@a.org",
      "",
    ],
    ["whom one has written to oneself", mail(me, "ann@a.org", { cc: "bob@b.org" }), "reply", "ann@a.org", ""],
    ["them all", mail(me, `ann@a.org,${me}`, { cc: "bob@b.org" }), "replyAll", "ann@a.org", "bob@b.org"],
    ["oneself, where nobody else is", mail(me, me), "replyAll", me, ""],
    ["oneself, by a detail", mail("ann@a.org", "me+shop@home.org,bob@b.org"), "replyAll", "ann@a.org,bob@b.org", ""],
    ["nobody of a mail from nobody", { id: "1" }, "replyAll", "", ""],
  ];
  test.each(cases)("%s", (_, email, how, to, cc) => {
    const people = answerTo(email, how, [me, "me@work.org"]);
    expect([people.to.map((p) => p.email).join(), people.cc.map((p) => p.email).join()]).toEqual([to, cc]);
  });
});

test.each([
  ["Hello", "Re: Hello"],
  ["Re: Hello", "Re: Hello"],
  ["AW: Re[2]: RE: Hello", "Re: Hello"],
  ["Re：你好", "Re: 你好"],
  ["رد: مرحبا", "Re: مرحبا"],
  ["Fwd: Hello", "Re: Fwd: Hello"],
  ["Regarding: x", "Re: Regarding: x"],
  ["", "Re:"],
  [null, "Re:"],
])("the answer to %s is %s", (subject, answer) => {
  expect(answerSubject(subject)).toBe(answer);
});

test("what is handed on says so once", () => {
  expect(forwardSubject("WG: Fwd: Hello")).toBe("Fwd: Hello");
  expect(forwardSubject("Re: Hello")).toBe("Fwd: Re: Hello");
});

describe("an answer names what it answers", () => {
  test("with all before it", () => {
    expect(tied({ id: "1", messageId: ["c"], references: ["a", "b"] })).toEqual({
      inReplyTo: ["c"],
      references: ["a", "b", "c"],
    });
  });
  test("by In-Reply-To alone, where there is one of it", () => {
    expect(tied({ id: "1", messageId: ["c"], inReplyTo: ["b"] }).references).toEqual(["b", "c"]);
    expect(tied({ id: "1", messageId: ["c"], inReplyTo: ["a", "b"] }).references).toEqual(["c"]);
  });
  test("the first and the newest of a long thread", () => {
    const references = Array.from({ length: 500 }, (_, i) => `m${i}`);
    const named = tied({ id: "1", messageId: ["x"], references }).references;
    expect([named.length, named[0], named[1], named.at(-1)]).toEqual([100, "m0", "m402", "x"]);
  });
  test("nothing, where it has no name", () => {
    expect(tied({ id: "1", messageId: null })).toEqual({ inReplyTo: [], references: [] });
  });
});

test("the identity that was written to answers", () => {
  const identity = (id: string, email: string) => ({ id, email }) as Identity;
  const own = [identity("1", me), identity("2", "me@work.org")];
  expect(answering(mail("ann@a.org", "x@y.org", { cc: "ME@work.org" }), own)?.id).toBe("2");
  expect(answering(mail("ann@a.org", "me+x@work.org"), own)?.id).toBe("2");
  expect(answering(mail("me@work.org", "ann@a.org"), own)?.id).toBe("2");
  expect(answering(mail("ann@a.org", "list@l.org"), own)?.id).toBe("1");
});
