import { expect, test } from "vitest";
import type { EmailSubmission } from "../jmap/types";
import type { Mail } from "../model";
import { again, wrongAddress } from "./resend";

test.each([
  ["ann@example.org", false],
  ["zoë@bücher.example", false],
  ["ann@localhost", false],
  ["", true],
  ["ann", true],
  ["@example.org", true],
  ["ann@", true],
  ["a n@example.org", true],
  ["Ann <ann@example.org>", true],
  ["a@b, c@d", true],
])("%j is no address: %s", (text, wrong) => {
  expect(wrongAddress(text)).toBe(wrong);
});

const before = {
  identityId: "I1",
  emailId: "M1",
  envelope: { mailFrom: { email: "me@x", parameters: { ENVID: "1" } }, rcptTo: [] },
};

function mail(answer: object) {
  const asked: unknown[] = [];
  const connection = {
    call: async (name: string, args: unknown) => {
      asked.push([name, args]);
      return answer;
    },
  };
  return { asked, mail: { connection } as unknown as Mail };
}

test("sending again is a submission of the same email with an envelope of its own", async () => {
  const { asked, mail: m } = mail({ notCreated: null });
  await again(m, before as unknown as EmailSubmission, "zoe@x");
  const envelope = { mailFrom: { email: "me@x" }, rcptTo: [{ email: "zoe@x" }] };
  expect(asked).toEqual([
    ["EmailSubmission/set", { create: { again: { identityId: "I1", emailId: "M1", envelope } } }],
  ]);
});

test("what the server refuses is told", async () => {
  const { mail: m } = mail({ notCreated: { again: { type: "forbiddenToSend" } } });
  await expect(again(m, before as unknown as EmailSubmission, "zoe@x")).rejects.toThrow("forbiddenToSend");
});
