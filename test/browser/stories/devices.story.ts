import { expect, test } from "../harness/index.ts";

test("the page follows what another device does", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  await ada.deliver(
    { from: "Bob Castellano <bob@example.net>", subject: "First", text: "One." },
    { from: "Mara Lindqvist <mara@example.net>", subject: "Second", text: "Two." },
  );
  const first = ada.page.getByRole("row", { name: /First/ });
  const second = ada.page.getByRole("row", { name: /Second/ });
  await expect(first).toBeVisible();
  await expect(second).toBeVisible();
  await expect(first).toHaveAttribute("data-unread", "true");

  const email = await ada.jmap.email("First");
  await ada.jmap.update([email.id], { "keywords/$seen": true, "keywords/$flagged": true });
  await expect(first).toHaveAttribute("data-unread", "false");
  await expect(first.getByRole("button", { name: /star/i })).toHaveAttribute("aria-pressed", "true");

  const archive = await ada.jmap.mailbox("archive");
  await ada.jmap.update([(await ada.jmap.email("Second")).id], { mailboxIds: { [archive]: true } });
  await expect(second).toHaveCount(0);

  await ada.jmap.createMailbox("Travel");
  await expect(ada.page.getByRole("navigation").getByText("Travel")).toBeVisible();
});
