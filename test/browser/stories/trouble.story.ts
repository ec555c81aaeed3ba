// What goes wrong is said calmly, and loses nothing that was typed.
import { expect, test } from "../harness/index.ts";

test("a session that has ended asks for the password, over what is being written", async ({ person, server }) => {
  const ada = await person("Ada Lovelace");
  await ada.page.goto("/mail/inbox?compose&subject=Unfinished");
  const body = ada.page.locator('[contenteditable="true"], textarea').last();
  await body.click();
  await ada.page.keyboard.type("Half a thought");
  await server.run(["account", "password", ada.account.address, "--password-stdin"], "another password of hers\n");
  ada.expected.push(/status of 40[13]|WebSocket/);
  const password = ada.page.locator('input[name="password"]');
  await expect(password).toBeVisible({ timeout: 20_000 });
  await password.fill("another password of hers");
  await ada.page.keyboard.press("Enter");
  await expect(password).toHaveCount(0);
  await expect(body).toContainText("Half a thought");
});

test("a full mailbox is said so, and the draft is not lost", async ({ person }) => {
  const ada = await person("Ada Lovelace", { quotaBytes: 20_000 });
  await ada.deliver({ from: "Mara <mara@example.net>", subject: "Large", text: "x".repeat(10_000) });
  await ada.page.goto("/mail/inbox?compose&to=bob@example.org&subject=Full");
  const body = ada.page.locator('[contenteditable="true"], textarea').last();
  await body.fill("y".repeat(12_000));
  await ada.page.keyboard.press("Control+Enter");
  await expect(ada.page.getByText(/full|quota|space/i).first()).toBeVisible({ timeout: 20_000 });
  await expect.poll(() => ada.page.getByText("yyyyyyyyyy").count()).toBeGreaterThan(0);
});

test("a message to 10,000 people is shown, and the page still answers", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const everybody = Array.from({ length: 10_000 }, (_, i) => `Person ${i} <person${i}@example.net>`).join(", ");
  await ada.deliver({
    from: "Mara Lindqvist <mara@example.net>",
    to: everybody,
    subject: "To all",
    text: "All of you!",
  });
  await ada.page.getByRole("row", { name: /To all/ }).click();
  await expect(ada.page.getByRole("article").getByText("All of you!").last()).toBeVisible();
  const answer = await ada.page.evaluate(() => {
    const began = performance.now();
    return new Promise<number>((done) =>
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))),
    );
  });
  expect(answer).toBeLessThan(1000);
  expect(await ada.page.locator("*").count()).toBeLessThan(5000);
});

test("an HTML message of 50 MB does not stop the page", async ({ person }) => {
  test.setTimeout(120_000);
  const ada = await person("Ada Lovelace");
  const html = `<p>The beginning.</p>${"<p>All work and no play makes Jack a dull boy, and so on and on.</p>\n".repeat(30_000)}`;
  const text = `<html><body>${html.repeat(24)}</body></html>`;
  const raw = `From: Mara Lindqvist <mara@example.net>\r\nTo: ${ada.account.address}\r\nSubject: Endless\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${text.replace(/\n/g, "\r\n")}\r\n`;
  await ada.deliver(raw);
  await ada.page.getByRole("row", { name: /Endless/ }).click();
  const article = ada.page.getByRole("article").last();
  await expect(article).toBeVisible();
  await expect(article.frameLocator("iframe").getByText("The beginning.").first()).toBeVisible({ timeout: 30_000 });
  await expect(article.getByRole("link", { name: /download/i }).first()).toBeVisible();
  await ada.page.keyboard.press("u");
  await expect(ada.page.getByRole("row", { name: /Endless/ })).toBeVisible();
});

test("an attachment that is too large is refused before it is sent", async ({ ownServer, personAt }) => {
  const server = await ownServer();
  const ada = await personAt(server, "Ada Lovelace");
  await ada.page.goto("/mail/inbox?compose&subject=Films");
  await expect(ada.page.locator('[contenteditable="true"], textarea').last()).toBeVisible();
  const { maxSizeUpload } = (await ada.jmap.session()).capabilities["urn:ietf:params:jmap:core"];
  await ada.page
    .locator('input[type="file"]')
    .first()
    .evaluate((input: HTMLInputElement, size) => {
      const files = new DataTransfer();
      files.items.add(
        new File(
          [
            new Blob([new Uint8Array(1 << 20)]),
            ...Array.from({ length: Math.ceil(size / (1 << 20)) }, () => new Uint8Array(1 << 20)),
          ],
          "film.mp4",
          { type: "video/mp4" },
        ),
      );
      input.files = files.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }, maxSizeUpload);
  await expect(ada.page.getByText(/too large|at most|limit/i).first()).toBeVisible();
});
