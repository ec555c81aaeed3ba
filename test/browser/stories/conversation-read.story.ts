import { expect, test } from "../harness/index.ts";

const quoted = (text: string) =>
  `<div>${text}</div><div class="gmail_quote"><div class="gmail_attr">On Monday, Cy wrote:</div><blockquote class="gmail_quote">What was said before.</blockquote></div>`;

test("a conversation is opened: the newest is shown, all of it is read, and e archives it", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(
    { from: "Bob <bob@example.net>", subject: "Lunch", text: "On Tuesday?", messageId: "l1@example.net" },
    {
      from: "Cy <cy@example.net>",
      subject: "Re: Lunch",
      html: quoted("With <b>pleasure</b>."),
      inReplyTo: "l1@example.net",
    },
  );
  const { threadId, id } = await ada.jmap.email("Re: Lunch");
  await ada.open(`/mail/inbox/${threadId}`);
  await expect(page.getByRole("heading", { level: 1, name: "Lunch" })).toBeVisible();
  const frame = page.frameLocator("iframe[title]");
  await expect(frame.getByText("pleasure")).toBeVisible();
  await expect(frame.getByText("What was said before.")).toBeHidden();
  await expect(page.getByRole("heading", { level: 2, name: "Cy" })).toBeFocused();
  await expect
    .poll(async () =>
      (await ada.jmap.emails({ inMailbox: await ada.jmap.mailbox("inbox") })).every((e) => e.keywords.$seen),
    )
    .toBe(true);

  // The frame is as high as what is in it, before and after the quote is unfolded.
  const fits = () =>
    page
      .locator("iframe[title]")
      .evaluate((f: HTMLIFrameElement) => f.clientHeight - f.contentDocument!.documentElement.scrollHeight);
  await expect.poll(fits).toBe(0);
  await frame.locator("summary").click();
  await expect(frame.getByText("What was said before.")).toBeVisible();
  await expect.poll(fits).toBe(0);

  // Keys work in the frame, too.
  await frame.getByText("pleasure").click();
  await page.keyboard.press("e");
  await expect(page).toHaveURL(/\/mail\/inbox$/);
  await expect
    .poll(async () => Object.keys((await ada.jmap.emails({ subject: "Re: Lunch" }))[0].mailboxIds))
    .toEqual([await ada.jmap.mailbox("archive")]);
  expect(id).toBeTruthy();
});

test("links say where they lead, and ask when they are not what they seem", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver({
    from: "Eve <eve@example.net>",
    subject: "Links",
    html: '<p><a href="https://example.org/plain">a plain one</a> <a href="https://evil.example/x">www.bank.example</a> <a href="mailto:bob@example.net?subject=Hi">write</a></p>',
  });
  await ada.open(`/mail/inbox/${(await ada.jmap.email("Links")).threadId}`);
  const frame = page.frameLocator("iframe[title]");
  await frame.getByText("a plain one").hover();
  await expect(page.getByText("https://example.org/plain")).toBeVisible();
  await frame.getByText("www.bank.example").hover();
  await expect(page.getByText("https://evil.example/x")).toBeVisible();
  await frame.getByText("www.bank.example").click();
  const question = page.getByRole("dialog");
  await expect(question).toContainText("www.bank.example");
  await expect(question.getByRole("button", { name: "Open evil.example" })).toBeVisible();
  await question.getByRole("button", { name: "Cancel" }).click();
  expect(ada.context.pages()).toHaveLength(1);
});

test("a long conversation, many recipients and attachments are shown in pieces", async ({ person }) => {
  test.setTimeout(90_000);
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  const many = (n: number, of: (i: number) => string) => Array.from({ length: n }, (_, i) => of(i));
  await ada.deliver(
    ...Array.from({ length: 60 }, (_, i) => ({
      from: "Bob <bob@example.net>",
      subject: "Re: Long",
      text: `Message ${i}`,
      messageId: `long${i}@example.net`,
      references: i > 0 ? ["long0@example.net"] : [],
    })),
    {
      from: "Bob <bob@example.net>",
      subject: "Everybody",
      cc: many(10_000, (i) => `p${i}@example.net`).join(", "),
      text: "Hello all",
      attachments: many(300, (i) => `f${i}.bin`).map((name) => ({
        name,
        type: "application/octet-stream",
        content: "x",
      })),
    },
  );
  const long = await ada.jmap.email("Re: Long");
  await ada.jmap.update(
    (await ada.jmap.emails({ subject: "Long" })).map((e) => e.id),
    { "keywords/$seen": true },
  );
  await ada.open(`/mail/inbox/${long.threadId}`);
  await expect(page.locator("[data-message]").getByText("Message 59")).toBeVisible();
  const older = page.getByRole("button", { name: /Show 57 older messages/ });
  await expect(older).toBeVisible();
  await older.click();
  await expect(page.getByRole("button", { name: /Show 7 older messages/ })).toBeVisible();

  await ada.open(`/mail/inbox/${(await ada.jmap.email("Everybody")).threadId}`);
  await expect(page.getByText("300 attachments")).toBeVisible();
  await expect(page.getByRole("button", { name: "Show 288 more" })).toBeVisible();
  await page.getByRole("button", { name: /^to me/ }).click();
  await expect(page.getByText("and 9,980 more")).toBeVisible();
  expect(await page.locator("[data-message] li").count()).toBeLessThan(60);
});

test("a huge text is clipped, and what is too long to be shown can be downloaded", async ({ person }) => {
  test.setTimeout(90_000);
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(
    {
      from: "Bob <bob@example.net>",
      subject: "Big",
      html: `<p>begin</p>${"<p>some words</p>\r\n".repeat(40_000)}<p>the end</p>`,
    },
    { from: "Bob <bob@example.net>", subject: "Huge", html: `<p>begin</p>${"<p>some words</p>\r\n".repeat(500_000)}` },
  );
  await ada.open(`/mail/inbox/${(await ada.jmap.email("Big")).threadId}`);
  await expect(page.getByText("only its beginning is shown")).toBeVisible();
  await page.getByRole("button", { name: /Show all of it/ }).click();
  await expect(page.frameLocator("iframe[title]").getByText("the end")).toBeAttached({ timeout: 30_000 });
  await expect(page.getByText("only its beginning is shown")).toBeHidden();

  await ada.open(`/mail/inbox/${(await ada.jmap.email("Huge")).threadId}`);
  await expect(page.getByText("too much to be shown here")).toBeVisible();
  await expect(page.getByRole("link", { name: "Download" })).toHaveAttribute("href", /\/jmap\/download\//);
});

test("the original, and why a message is here, can be seen", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver({
    from: "Bob <bob@example.net>",
    subject: "Plain",
    text: "Hello",
    headers: { "X-Mark": "<b>seven</b>" },
  });
  await ada.open(`/mail/inbox/${(await ada.jmap.email("Plain")).threadId}`);
  const message = page.getByRole("article", { name: "Bob" });
  await message.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Show original" }).click();
  const original = page.getByRole("dialog");
  await expect(original.getByRole("row", { name: /X-Mark/ })).toContainText("<b>seven</b>");
  await expect(original.locator("pre")).toContainText("Subject: Plain");
  await page.keyboard.press("Escape");
  await message.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Why is this here?" }).click();
  await expect(page.getByRole("dialog")).toContainText(`It was sent to you: ${ada.account.address}`);
  await expect(page.getByRole("dialog")).toContainText("You have never written to the sender");
});

test("all of a conversation is printed, and nothing beside it", async ({ person }) => {
  const ada = await person("Ada Lovelace", { theme: "dark" });
  const { page } = ada;
  await ada.deliver(
    { from: "Bob <bob@example.net>", subject: "Paper", text: "The first page", messageId: "p1@example.net" },
    { from: "Cy <cy@example.net>", subject: "Re: Paper", html: "<p>The second page</p>", inReplyTo: "p1@example.net" },
  );
  const { id } = await ada.jmap.email("Paper");
  await ada.jmap.update([id], { "keywords/$seen": true });
  await ada.open(`/mail/inbox/${(await ada.jmap.email("Re: Paper")).threadId}`);
  await expect(page.frameLocator("iframe[title]").getByText("The second page")).toBeVisible();
  await page.evaluate(() => {
    window.print = () => document.body.setAttribute("data-asked", "");
  });
  await page.keyboard.press("Control+p");
  await expect(page.locator("body[data-asked]")).toBeAttached();
  await page.emulateMedia({ media: "print" });
  await expect(page.getByText("The first page")).toBeVisible();
  await expect(page.frameLocator("iframe[title]").getByText("The second page")).toBeVisible();
  await expect(page.getByRole("main")).toBeHidden();
  await expect(page.getByRole("toolbar", { name: "Actions on the conversation" })).toBeHidden();
  expect(await page.getByText("The first page").evaluate((e) => getComputedStyle(e).color)).toBe("rgb(0, 0, 0)");
});

test("messages are walked through and answered by keyboard", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(
    { from: "Bob <bob@example.net>", subject: "Walk", text: "one", messageId: "w1@example.net" },
    { from: "Cy <cy@example.net>", subject: "Re: Walk", text: "two", inReplyTo: "w1@example.net" },
  );
  const { threadId } = await ada.jmap.email("Re: Walk");
  await ada.open(`/mail/inbox/${threadId}`);
  await expect(page.getByRole("heading", { level: 2, name: "Cy" })).toBeFocused();
  await page.keyboard.press("p");
  await expect(page.getByRole("heading", { level: 2, name: "Bob" })).toBeFocused();
  await page.keyboard.press("n");
  await expect(page.getByRole("heading", { level: 2, name: "Cy" })).toBeFocused();
  await page.keyboard.press("s");
  await expect.poll(async () => (await ada.jmap.email("Re: Walk")).keywords.$flagged).toBe(true);
  await page.keyboard.press("u");
  await expect(page).toHaveURL(/\/mail\/inbox$/);
  await expect(page.locator("#list :focus")).toBeVisible();
});
