import { expect, test } from "../harness/index.ts";

test("an invitation is answered, and its organizer learns of it", async ({ person }) => {
  const bob = await person("Bob Miller");
  const ada = await person("Ada Lovelace");
  const calendar = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Example//EN",
    "METHOD:REQUEST",
    "BEGIN:VEVENT",
    "UID:plan-1@example.org",
    "SEQUENCE:2",
    "DTSTAMP:20261101T100000Z",
    "DTSTART;TZID=America/New_York:20261201T100000",
    "DTEND;TZID=America/New_York:20261201T113000",
    "RRULE:FREQ=WEEKLY;BYDAY=TU",
    "SUMMARY:Planning",
    `ORGANIZER;CN=Bob Miller:mailto:${bob.account.address}`,
    `ATTENDEE;CN=Ada;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:${ada.account.address}`,
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ].join("\r\n");
  await ada.deliver({
    from: `Bob Miller <${bob.account.address}>`,
    subject: "Invitation: Planning",
    text: "You are invited.",
    attachments: [{ name: "invite.ics", type: "text/calendar; method=REQUEST", content: calendar }],
  });
  await ada.open(`/mail/inbox/${(await ada.jmap.email("Invitation: Planning")).threadId}`);
  const card = ada.page.getByRole("region", { name: "Invitation" });
  await expect(card.getByRole("heading", { name: "Planning" })).toBeVisible();
  await expect(card).toContainText("4:00"); // ten in New York, in Berlin
  await expect(card).toContainText("Every week on Tuesday");
  await card.getByRole("button", { name: "Accept" }).click();
  await expect(card.getByRole("button", { name: "Accept" })).toHaveAttribute("aria-pressed", "true");

  await expect.poll(async () => (await bob.jmap.emails("inbox")).map((e) => e.subject)).toEqual(["Accepted: Planning"]);
  const [answer] = await bob.jmap.emails("inbox", ["id", "attachments", "threadId"]);
  const part = answer.attachments.find((a: { type: string }) => a.type === "text/calendar");
  expect(part).toBeTruthy();
  await bob.open(`/mail/inbox/${answer.threadId}`);
  await expect(bob.page.getByRole("region", { name: "Invitation" })).toContainText("Ada has answered");
  await expect(bob.page.getByRole("region", { name: "Invitation" })).toContainText("accepted");
});
