// What the model promises of the connection, as far as it is seen in the title of the page: how much is unread in the inbox.
import { expect, test } from "../harness/index.ts";

const letter = (subject: string) => ({ from: "Bob <bob@example.net>", subject, text: "Are you there?" });

test("what comes, and what other devices do, is seen without a reload", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  await expect(ada.page).not.toHaveTitle(/\d/);
  await ada.deliver(letter("one"), letter("two"));
  await expect(ada.page).toHaveTitle(/2/);
  const { id } = await ada.jmap.email("one");
  await ada.jmap.call("Email/set", { update: { [id]: { "keywords/$seen": true } } });
  await expect(ada.page).toHaveTitle(/1/);
});

test("a connection that is lost comes back by itself, and so does what happened meanwhile", async ({
  person,
  server,
}) => {
  const wire = await server.wire();
  const ada = await person("Ada Lovelace", { wire });
  await ada.deliver(letter("before"));
  await expect(ada.page).toHaveTitle(/1/);
  wire.cut();
  await ada.deliver(letter("meanwhile"), letter("meanwhile too"));
  wire.heal();
  await expect(ada.page).toHaveTitle(/3/, { timeout: 15_000 });
});

test("where no WebSocket gets through, it is HTTP", async ({ person }) => {
  const ada = await person("Ada Lovelace", { signedIn: false });
  await ada.page.addInitScript(() => {
    Object.assign(window, { WebSocket: undefined });
  });
  await ada.enter();
  await ada.open("/mail/inbox");
  await ada.deliver(letter("one"));
  await expect(ada.page).toHaveTitle(/1/, { timeout: 20_000 });
});

test("who comes back has the inbox after one round of requests", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  await ada.deliver(letter("one"));
  await expect(ada.page).toHaveTitle(/1/);
  const asked: string[] = [];
  ada.page.on("request", (r) => {
    if (/jmap/.test(r.url()) && r.resourceType() === "fetch") asked.push(new URL(r.url()).pathname);
  });
  await ada.page.reload();
  await expect(ada.page).toHaveTitle(/1/);
  // Together, none of them waits for the other.
  expect(asked.slice(0, 2).sort()).toEqual(["/.well-known/jmap", "/jmap/api"]);
});

test("a sign-in that ends elsewhere ends here at once", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  await ada.deliver(letter("one"));
  await expect(ada.page).toHaveTitle(/1/);
  const sessions = "https://mailmesh.org/jmap/sessions";
  const { list } = await ada.jmap.call("SignIn/get", { ids: null }, [sessions]);
  await ada.jmap.call("SignIn/set", { destroy: list.map((s: { id: string }) => s.id) }, [sessions]);
  await expect(ada.page.locator('input[name="password"]')).toBeVisible();
});

test("what is done without a connection is seen at once, and done when it is back", async ({ person, server }) => {
  const wire = await server.wire();
  const ada = await person("Ada Lovelace", { wire });
  await ada.deliver(letter("to keep"), letter("to archive"));
  const row = ada.page.getByRole("row", { name: /to archive/ });
  await expect(row).toBeVisible();
  wire.cut();
  await row.getByRole("checkbox").check();
  await ada.page.keyboard.press("e");
  await expect(row).toBeHidden();
  await expect(ada.page).toHaveTitle(/1/);
  expect(await ada.jmap.emails("archive")).toEqual([]);
  wire.heal();
  await expect.poll(async () => (await ada.jmap.emails("archive")).map((e) => e.subject)).toEqual(["to archive"]);
  await expect(ada.page.getByRole("row", { name: /to keep/ })).toBeVisible();
});
