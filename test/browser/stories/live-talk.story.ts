import { expect, test } from "../harness/index.ts";
import { talk, write } from "./talk.ts";

test("two people see each other read and write, and a message ends it", async ({ person }) => {
  const ann = await person("Ann Lee");
  const bob = await person("Bob Ray");
  const thread = await talk(ann, bob, "Lunch");
  await bob.open(`/mail/inbox/${thread.ofB}`);
  await ann.open(`/mail/inbox/${thread.ofA}`);
  await expect(bob.page.getByText("Ann is reading this")).toBeVisible();
  await expect(bob.page.getByRole("img", { name: "Here now" }).first()).toBeVisible();
  await ann.page.getByRole("textbox", { name: /reply/i }).click();
  await ann.page.keyboard.type("At noon?");
  await expect(bob.page.getByText("Ann is writing…")).toBeVisible();
  await ann.page.keyboard.press("Control+Enter");
  await expect(bob.page.getByText("At noon?").first()).toBeVisible();
  await expect(bob.page.getByText("Ann is writing…")).toBeHidden();
});

test("who does not show their typing is not seen, and sees nobody's", async ({ person }) => {
  const ann = await person("Ann Lee");
  const bob = await person("Bob Ray");
  const thread = await talk(ann, bob, "Quiet");
  await ann.jmap.call("LiveSettings/set", { update: { singleton: { showsTyping: false } } }, [
    "https://mailmesh.org/jmap/live",
  ]);
  await bob.open(`/mail/inbox/${thread.ofB}`);
  await ann.open(`/mail/inbox/${thread.ofA}`);
  await expect(bob.page.getByText("Ann is reading this")).toBeVisible();
  await ann.page.getByRole("textbox", { name: /reply/i }).click();
  await ann.page.keyboard.type("Hidden");
  await bob.page.getByRole("textbox", { name: /reply/i }).click();
  await bob.page.keyboard.type("Seen?");
  await ann.page.keyboard.press("Control+Enter");
  await expect(bob.page.getByText("Hidden").first()).toBeVisible();
  await expect(bob.page.getByText("Ann is writing…")).toBeHidden();
  await expect(ann.page.getByText("Bob is writing…")).toBeHidden();
});

test("the ticks of a message move while one looks, and their panel knows every step", async ({ person }) => {
  const ann = await person("Ann Lee");
  const bob = await person("Bob Ray");
  await talk(ann, bob, "Before");
  const sent = await write(ann, { to: bob, subject: "Report", text: "It is done" });
  await ann.open(`/mail/sent/${sent.threadId}`);
  const status = ann.page.getByRole("button", { name: /what became of this message/ });
  await expect(status).toHaveText("Delivered");
  const { id } = await bob.jmap.email("Report");
  await bob.jmap.update([id], { "keywords/$seen": true });
  await expect(status).toHaveText("Read");
  await status.click();
  const panel = ann.page.getByRole("dialog", { name: "What became of this message" });
  await expect(panel.getByText(bob.account.address)).toBeVisible();
  await panel.getByText("Every step").click();
  await expect(panel.getByText("Lies in the recipient’s mailbox")).toBeVisible();
  await expect(panel.getByText("The recipient has opened it")).toBeVisible();
});

test("a reaction is a chip at both, and no message of its own", async ({ person }) => {
  const ann = await person("Ann Lee");
  const bob = await person("Bob Ray");
  const thread = await talk(ann, bob, "News");
  await ann.open(`/mail/inbox/${thread.ofA}`);
  await bob.open(`/mail/inbox/${thread.ofB}`);
  await bob.page.getByRole("button", { name: "React" }).first().click();
  await bob.page.getByRole("dialog", { name: "Choose a reaction" }).getByRole("button", { name: "🎉" }).click();
  await expect(bob.page.getByRole("button", { name: "🎉 You" })).toBeVisible();
  await ann.page.getByRole("button", { name: /^Ann Lee/ }).click(); // what was read already is folded up
  await expect(ann.page.getByRole("button", { name: /🎉 Bob Ray/ })).toBeVisible();
  await expect(ann.page.getByRole("article")).toHaveCount(2);
  const [mail] = await ann.jmap.emails("inbox", ["id", "bodyStructure", "subject"]);
  expect(mail.bodyStructure).toMatchObject({ type: "text/plain", disposition: "reaction", charset: "utf-8" });
  expect(mail.subject).toBe("Re: News");
});

test("whom a message did not reach is sent to again, at another address", async ({ person }) => {
  const ann = await person("Ann Lee");
  const bob = await person("Bob Ray");
  const sent = await write(ann, { to: "bob@nowhere.invalid", subject: "Lost", text: "Where are you?" });
  await ann.open(`/mail/sent/${sent.threadId}`);
  await ann.page.getByRole("button", { name: /^Not delivered: show/ }).click();
  const panel = ann.page.getByRole("dialog", { name: "What became of this message" });
  await expect(panel.getByText("There is no such address.")).toBeVisible();
  await expect(panel.getByText(/there is no domain nowhere\.invalid/).first()).toBeVisible();
  await panel.getByRole("button", { name: "Send again" }).click();
  await panel.getByLabel("Send again to").fill("bob at nowhere");
  await panel.getByRole("button", { name: "Send", exact: true }).click();
  await expect(panel.getByText("That is no address")).toBeVisible();
  await panel.getByLabel("Send again to").fill(bob.account.address);
  await panel.getByRole("button", { name: "Send", exact: true }).click();
  await expect(panel.getByText(/^Delivered ·/)).toBeVisible();
  expect((await bob.jmap.email("Lost")).preview).toContain("Where are you?");
});
