import { describe, expect, test } from "vitest";
import {
  ofKeywords,
  ofRecipient,
  ofSubmissions,
  reason,
  recipients,
  type State,
  type Step,
  together,
} from "./delivery";

const at = (n: number) => `2026-11-22T12:00:${String(n).padStart(2, "0")}Z`;
const steps = (...names: string[]): Step[] => names.map((state, n) => ({ state, at: at(n), by: null, reply: null }));

describe("a recipient is as the steps have it", () => {
  test.each<[State, string[]]>([
    ["sending", []],
    ["sending", ["queued"]],
    ["sending", ["queued", "attempted"]],
    ["delayed", ["queued", "attempted", "deferred"]],
    ["delayed", ["queued", "attempted", "deferred", "attempted"]],
    ["sent", ["queued", "attempted", "deferred", "attempted", "relayed"]],
    ["delivered", ["queued", "delivered"]],
    ["read", ["queued", "attempted", "relayed", "delivered", "displayed"]],
    ["failed", ["queued", "attempted", "failed"]],
    ["failed", ["queued", "deferred", "expired"]],
    ["canceled", ["queued", "canceled"]],
    ["delivered", ["queued", "delivered", "teleported"]],
  ])("%s: %j", (state, names) => {
    expect(ofRecipient("bob@example.org", steps(...names)).state).toBe(state);
  });

  test("since the step that made it so", () => {
    expect(ofRecipient("b@x", steps("queued", "attempted", "deferred", "attempted", "deferred")).at).toEqual(
      new Date(at(2)),
    );
  });

  test("with the last words that were said", () => {
    const said = steps("queued", "deferred", "attempted", "failed");
    said[1]!.reply = "451 4.7.1 later";
    said[3]!.reply = "550 5.1.1 no such user";
    expect(ofRecipient("b@x", said).words).toBe("550 5.1.1 no such user");
  });

  test.each<[State, string, string, string]>([
    ["failed", "no", "unknown", "550 no"],
    ["read", "yes", "yes", ""],
    ["delivered", "yes", "unknown", ""],
    ["sent", "unknown", "unknown", "250 ok"],
    ["delayed", "queued", "unknown", "451 later"],
    ["sending", "queued", "unknown", ""],
  ])("%s where a server has no timeline: %s, %s", (state, delivered, displayed, smtpReply) => {
    expect(ofRecipient("b@x", [], { delivered, displayed, smtpReply }).state).toBe(state);
  });
});

describe("a message is as the recipient who is worst off", () => {
  test.each<[State | undefined, State[]]>([
    ["failed", ["read", "failed", "delivered"]],
    ["delayed", ["read", "delayed"]],
    ["sending", ["sending", "read"]],
    ["sent", ["delivered", "sent", "read"]],
    ["delivered", ["delivered", "read"]],
    ["read", ["read", "read"]],
    ["read", ["canceled", "read"]],
    ["canceled", ["canceled", "canceled"]],
    [undefined, []],
  ])("%s: %j", (state, all) => {
    expect(together(all)).toBe(state);
  });
});

test("what is to go out later is scheduled for then", () => {
  const sub = { undoStatus: "pending", sendAt: "2026-11-22T13:00:00Z", timeline: { "b@x": steps("queued") } };
  expect(recipients(sub, new Date("2026-11-22T12:00:00Z"))).toMatchObject([
    { state: "scheduled", at: new Date(sub.sendAt) },
  ]);
  expect(recipients(sub, new Date("2026-11-22T14:00:00Z"))).toMatchObject([{ state: "sending" }]);
});

test("whoever something is to be done about comes first", () => {
  const sub = {
    timeline: { "a@x": steps("queued", "displayed"), "b@x": steps("queued", "failed"), "c@x": steps("queued") },
  };
  expect(recipients(sub).map((r) => r.email)).toEqual(["b@x", "c@x", "a@x"]);
});

test("a recipient that it was sent to again is as he is now", () => {
  const first = { sendAt: at(0), timeline: { "a@x": steps("queued", "displayed"), "B@x": steps("queued", "failed") } };
  const again = { sendAt: at(9), timeline: { "b@x": steps("queued", "delivered") } };
  expect(ofSubmissions([again, first]).map((r) => r.state)).toEqual(["delivered", "read"]);
});

test.each<[State | undefined, Record<string, boolean>]>([
  ["sent", {}],
  ["sent", { $seen: true }],
  ["delivered", { $delivered: true }],
  ["read", { $delivered: true, $displayed: true }],
  ["delayed", { $delayed: true }],
  ["failed", { $undelivered: true, $delayed: true, $displayed: true }],
  [undefined, { $draft: true }],
])("keywords: %s %j", (state, keywords) => {
  expect(ofKeywords(keywords)).toBe(state);
});

test.each([
  ["unknownAddress", "550 5.1.1 <zoe@x>: no such user"],
  ["full", "452 4.2.2 mailbox full"],
  ["refused", "550 5.7.1 blocked"],
  ["unsigned", "550 5.7.26 unauthenticated"],
  ["unreachable", "421 4.4.1 connection timed out"],
  [undefined, "550 no"],
  [undefined, undefined],
] as const)("a reply means %s: %s", (what, words) => {
  expect(reason(words)).toBe(what);
});
