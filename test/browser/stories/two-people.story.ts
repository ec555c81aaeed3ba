import { expect, test } from "../harness/index.ts";
import type { Person } from "../harness/person.ts";

/** The line at the foot of a conversation. */
const quickReply = (p: Person) => p.page.getByRole("textbox", { name: /reply/i }).last();

test("two people talk, and see each other do it", async ({ person }) => {
  test.setTimeout(60_000);
  const ada = await person("Ada Lovelace", { preferences: { undoSeconds: 0 } });
  const bob = await person("Bob Castellano", { preferences: { undoSeconds: 0 } });

  await test.step("Ada writes, and it is there at Bob's without a reload", async () => {
    await ada.page.keyboard.press("c");
    const composer = ada.page
      .getByRole("dialog")
      .or(ada.page.getByRole("region", { name: /message/i }))
      .last();
    await composer.getByRole("combobox").or(composer.getByLabel(/^to/i)).first().fill(bob.account.address);
    await ada.page.keyboard.press("Tab");
    await composer.getByRole("textbox", { name: /subject/i }).fill("Lunch on Friday?");
    await composer.locator('[contenteditable="true"], textarea').last().fill("The new place by the river?");
    await ada.page.keyboard.press("Control+Enter");
    await expect(bob.page.getByRole("row", { name: /Lunch on Friday/ })).toBeVisible();
  });

  await test.step("Bob reads it, which Ada sees", async () => {
    await bob.page.getByRole("row", { name: /Lunch on Friday/ }).click();
    await expect(bob.page.getByText("The new place by the river?").last()).toBeVisible();
    const sent = await ada.jmap.email("Lunch on Friday?");
    await ada.open(`/mail/sent/${sent.threadId}`);
    await expect(ada.page.getByRole("article").last()).toBeVisible();
    await expect(
      ada.page
        .getByText(/^(read|delivered)/i)
        .or(ada.page.getByLabel(/read|delivered/i))
        .first(),
    ).toBeVisible();
  });

  await test.step("Bob answers by the line at the foot, and it is there at Ada's", async () => {
    await quickReply(bob).pressSequentially("Half past twelve, by the window");
    await bob.page.keyboard.press("Enter");
    await expect(ada.page.getByRole("article").getByText("Half past twelve, by the window").last()).toBeVisible();
  });

  // Now each has written to the other, who may know.
  await test.step("Bob types, and Ada sees that he does until it has come", async () => {
    await quickReply(bob).pressSequentially("Or one o'clock");
    const typing = ada.page.getByText(/Bob.*(typing|writing)/i).first();
    await expect(typing).toBeVisible();
    await bob.page.keyboard.press("Enter");
    await expect(ada.page.getByRole("article").getByText("Or one o'clock").last()).toBeVisible();
    await expect(typing).toHaveCount(0);
  });

  await test.step("Ada answers with a reaction", async () => {
    const message = ada.page.getByRole("article").filter({ hasText: "Or one o'clock" }).last();
    await message.hover();
    await message.getByRole("button", { name: /react/i }).first().click();
    await ada.page
      .getByRole("button", { name: /👍/ })
      .or(ada.page.getByRole("menuitem", { name: /👍/ }))
      .first()
      .click();
    await expect(bob.page.getByRole("article").getByText("👍").first()).toBeVisible();
  });
});
