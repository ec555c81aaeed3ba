import { expect, test } from "../harness/index.ts";

const lost = /connection|offline|reconnect|not connected/i;

test("a lost connection is told calmly, and what came meanwhile is there when it is back", async ({
  person,
  server,
}) => {
  test.setTimeout(60_000);
  const wire = await server.wire();
  const ada = await person("Ada Lovelace", { wire });
  await ada.deliver({ from: "Bob Castellano <bob@example.net>", subject: "Before", text: "It is still there." });
  const before = ada.page.getByRole("row", { name: /Before/ });
  await expect(before).toBeVisible();

  wire.cut();
  await expect(
    ada.page.getByRole("banner").getByText(lost).or(ada.page.getByRole("status").getByText(lost)).first(),
  ).toBeVisible();
  await expect(before).toBeVisible();
  await ada.deliver({
    from: "Bob Castellano <bob@example.net>",
    subject: "Meanwhile",
    text: "It came when nobody looked.",
  });

  wire.heal();
  await expect(ada.page.getByRole("row", { name: /Meanwhile/ })).toBeVisible({ timeout: 30_000 });
  await expect(ada.page.getByRole("banner").getByText(lost)).toHaveCount(0);
});

test("what is done without a connection is done when it is back", async ({ person, server }) => {
  test.setTimeout(60_000);
  const wire = await server.wire();
  const ada = await person("Ada Lovelace", { wire });
  await ada.deliver({ from: "Bob Castellano <bob@example.net>", subject: "To be archived", text: "Soon." });
  const row = ada.page.getByRole("row", { name: /To be archived/ });
  await expect(row).toBeVisible();
  wire.cut();
  await ada.page.keyboard.press("j");
  await ada.page.keyboard.press("e");
  await expect(row).toHaveCount(0);
  wire.heal();
  await expect
    .poll(async () => (await ada.jmap.emails("archive")).map((e) => e.subject), { timeout: 30_000 })
    .toEqual(["To be archived"]);
});

test("what is written stays while the server is gone, and is sent when it is back", async ({ ownServer, personAt }) => {
  test.setTimeout(90_000);
  const server = await ownServer();
  const ada = await personAt(server, "Ada Lovelace", { preferences: { undoSeconds: 0 } });
  const bob = await server.account("Bob Castellano");
  await ada.page.goto(`/mail/inbox?compose&to=${bob.address}&subject=Kept`);
  const body = ada.page.locator('[contenteditable="true"], textarea').last();
  await body.click();
  await ada.page.keyboard.type("Before. ");
  await server.kill();
  await ada.page.keyboard.type("While it was gone. ");
  await expect(body).toContainText("Before. While it was gone.");
  await server.start();
  await ada.page.keyboard.press("Control+Enter");
  await expect
    .poll(async () => (await server.jmap(bob).emails("inbox")).map((e) => e.subject), { timeout: 60_000 })
    .toEqual(["Kept"]);
  const [sent] = await server.jmap(bob).emails("inbox");
  expect(sent.preview).toContain("Before. While it was gone.");
});
