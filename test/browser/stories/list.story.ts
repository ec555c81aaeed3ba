import { expect, type Person, test } from "../harness/index.ts";

const letters = (n: number, first = 0) =>
  Array.from({ length: n }, (_, i) => ({
    from: `Bob <bob${(first + i) % 7}@example.net>`,
    subject: `Letter ${String(first + i).padStart(3, "0")}`,
    text: `This is letter ${first + i}.`,
  }));

const row = ({ page }: Person, subject: string) => page.getByRole("row").filter({ hasText: subject });
const rows = ({ page }: Person) => page.getByRole("row");
const names = (box: string, n: string) => ({ name: new RegExp(`^${box}.*${n}`) });

test("mail is gone through with the keyboard alone, as in Gmail, and everything is undone", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(...letters(6));
  await expect(rows(ada)).toHaveCount(6);
  await page.keyboard.press("j"); // 005
  await page.keyboard.press("j"); // 004
  await page.keyboard.press("e");
  await expect(row(ada, "Letter 004")).toHaveCount(0);
  await expect(page.getByText("Archived")).toBeVisible();
  // The next one has taken its place.
  await page.keyboard.press("s");
  await expect(row(ada, "Letter 003").getByRole("button", { name: "Star" })).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("Shift+I");
  await expect(row(ada, "Letter 003").getByText("Unread.")).toHaveCount(0);
  await page.keyboard.press("#");
  await expect(row(ada, "Letter 003")).toHaveCount(0);
  await page.keyboard.press("z");
  await expect(row(ada, "Letter 003")).toBeVisible();
  await expect.poll(async () => (await ada.jmap.emails("inbox")).length).toBe(5);
  expect((await ada.jmap.emails("archive")).map((e) => e.subject)).toEqual(["Letter 004"]);
});

test("some are selected, and what is done with them is done once", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(...letters(8));
  await expect(rows(ada)).toHaveCount(8);
  await row(ada, "Letter 006").getByRole("checkbox").click({ force: true });
  await row(ada, "Letter 003")
    .getByRole("checkbox")
    .click({ force: true, modifiers: ["Shift"] });
  await expect(page.getByText("4 selected")).toBeVisible();
  await page.getByRole("button", { name: "Archive", exact: true }).first().click();
  await expect(rows(ada)).toHaveCount(4);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(rows(ada)).toHaveCount(8);
  await page.keyboard.press("*");
  await page.keyboard.press("a");
  await expect(page.getByText("8 selected")).toBeVisible();
  await page.keyboard.press("l");
  await page.keyboard.type("Letters");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: /^Letters/ })).toBeVisible();
  await expect.poll(async () => (await ada.jmap.emails("Letters")).length).toBe(8);
});

test("all of a mailbox is archived, more than is loaded, and undone as one", async ({ person }) => {
  const ada = await person("Ada Lovelace", { path: "/mail/drafts" });
  const { page } = ada;
  const inbox = await ada.jmap.mailbox("inbox");
  const email = (i: number) => ({
    mailboxIds: { [inbox]: true },
    from: [{ name: "Bob", email: "bob@example.net" }],
    subject: `Letter ${i}`,
    bodyStructure: { type: "text/plain", partId: "1" },
    bodyValues: { 1: { value: "Hello" } },
  });
  for (let at = 0; at < 1_200; at += 400)
    await ada.jmap.call("Email/set", {
      create: Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${at + i}`, email(at + i)])),
    });
  const { total } = await ada.jmap.call("Email/query", {
    filter: { inMailbox: inbox },
    calculateTotal: true,
    limit: 1,
  });
  expect(total).toBe(1_200);
  await page.getByRole("link", names("Inbox", "")).click();
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "1200");
  await page.getByRole("checkbox", { name: "Select all" }).click();
  await page.getByRole("button", { name: "Select all 1,200 conversations in Inbox" }).click();
  await expect(page.getByText("All 1,200 conversations are selected.")).toBeVisible();
  await page.getByRole("button", { name: "Archive", exact: true }).first().click();
  await expect(page.getByText("Done with 1,200 messages").first()).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole("heading", { name: "All done" })).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "1200", { timeout: 20_000 });
});

test("new mail does not move what is read, and says that it is there", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(...letters(60));
  await expect(rows(ada).first()).toContainText("Letter 059");
  await page.getByRole("grid").hover();
  await page.mouse.wheel(0, 1_500);
  const read = row(ada, "Letter 035");
  await expect(read).toBeInViewport();
  const before = await read.boundingBox();
  await ada.deliver(...letters(2, 100));
  await page.getByRole("button", { name: "2 new messages" }).click({ trial: true });
  expect((await read.boundingBox())?.y).toBe(before?.y);
  await page.getByRole("button", { name: "2 new messages" }).click();
  await expect(row(ada, "Letter 101")).toBeInViewport();
});

test("the list of an open conversation begins at its top, or where the conversation is", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(...letters(40));
  await expect(rows(ada).first()).toContainText("Letter 039");
  await row(ada, "Letter 037").click();
  await expect(page).toHaveURL(/inbox\/./);
  await page.reload();
  await expect(row(ada, "Letter 037")).toBeInViewport();
  await expect(row(ada, "Letter 039")).toBeInViewport();
  await page.getByRole("grid").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Letter 000" })).toBeVisible();
  await page.reload();
  await expect(row(ada, "Letter 000")).toBeInViewport();
});

test("a conversation is snoozed, and brought back", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(...letters(2));
  await expect(rows(ada)).toHaveCount(2);
  await page.keyboard.press("j");
  await page.keyboard.press("b");
  await page.getByRole("menuitem", { name: "Tomorrow" }).click();
  await expect(rows(ada)).toHaveCount(1);
  await page.getByRole("link", { name: "Snoozed" }).click();
  await expect(row(ada, "Letter 001")).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("b");
  await page.getByRole("menuitem", { name: "Choose date and time" }).click();
  await page.getByLabel("Snooze until").fill("2020-01-01T08:00");
  await expect(page.getByText("Choose a time to come.")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("b");
  await page.getByRole("menuitem", { name: "Bring it back now" }).click();
  await page.getByRole("link", names("Inbox", "")).click();
  await expect(rows(ada)).toHaveCount(2);
});

test("folders are made, renamed, dropped on and deleted", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(...letters(2));
  await page.getByRole("button", { name: "New folder" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Work");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Work" })).toBeVisible();
  await expect(page.getByText("Nothing is here")).toBeVisible();
  await page.getByRole("link", names("Inbox", "")).click();
  await row(ada, "Letter 001").dragTo(page.getByRole("link", { name: /^Work/ }));
  await expect(rows(ada)).toHaveCount(1);
  await expect(page.getByText("Moved to Work")).toBeVisible();
  const folder = page.getByRole("listitem").filter({ hasText: "Work" });
  await folder.click({ button: "right" });
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Trade");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: /^Trade/ })).toBeVisible();
  await page.getByRole("listitem").filter({ hasText: "Trade" }).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Delete the folder" }).click();
  await expect(page.getByText("is deleted for good")).toBeVisible();
  await page.getByRole("dialog").getByRole("button", { name: "Delete the folder" }).click();
  await expect(page.getByRole("link", { name: /^Trade/ })).toHaveCount(0);
});

test("what is searched for is found, and what is not understood is told", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await ada.deliver(...letters(4), { from: "Zoë <zoe@example.net>", subject: "Lunch", text: "pasta on Friday" });
  await expect(rows(ada)).toHaveCount(5);
  await page.keyboard.press("/");
  await page.keyboard.type("fro");
  await expect(page.getByRole("option", { name: /^from:/ })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.type("zoe@example.net is:unread before:soon");
  await page.keyboard.press("Enter");
  await expect(rows(ada)).toHaveCount(1);
  await expect(row(ada, "Lunch")).toBeVisible();
  await expect(page.getByText("“soon” is not a date")).toBeVisible();
  await page.getByRole("combobox").fill("subject:(lunch OR dinner) -friday");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Nothing was found")).toBeVisible();
  await page.goBack();
  await expect(row(ada, "Lunch")).toBeVisible();
  await page.keyboard.press("/");
  await page.getByRole("combobox").fill("");
  await expect(page.getByRole("option", { name: /friday/ })).toBeVisible();
});

test("on a phone rows are swiped", async ({ person }) => {
  const ada = await person("Ada Lovelace", { phone: true });
  const { page } = ada;
  await ada.deliver(...letters(3));
  await expect(rows(ada)).toHaveCount(3);
  const touch = await page.context().newCDPSession(page);
  const drag = async (subject: string, by: number) => {
    const box = (await row(ada, subject).boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const at = (dx: number) => [{ x: x + dx, y }];
    await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(0) });
    for (let i = 1; i <= 10; i++)
      await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at((by * i) / 10) });
    await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  };
  await drag("Letter 002", 150);
  await expect(rows(ada)).toHaveCount(2);
  await expect.poll(async () => (await ada.jmap.emails("archive")).length).toBe(1);
  await drag("Letter 001", -150);
  await page.getByRole("menuitem", { name: "Tomorrow" }).click();
  await expect(rows(ada)).toHaveCount(1);
});
