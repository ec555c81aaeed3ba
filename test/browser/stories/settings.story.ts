import { expect, test } from "../harness/index.ts";
import { talk } from "./talk.ts";

test("what is set is saved at once, and is there on another device", async ({ person }) => {
  const ada = await person("Ada Lovelace", { path: "/mail/settings/identities" });
  const { page } = ada;
  await page.getByLabel("Your name").fill("Ada King");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();

  await page.getByRole("link", { name: "Vacation" }).click();
  await page.getByLabel("Text").fill("I am at the sea.");
  await page.getByRole("switch", { name: "Answer for me" }).click();
  await expect(page.getByText("Your mail is answered now.")).toBeVisible();

  await page.getByRole("link", { name: "Notifications" }).click();
  await page.getByRole("radio", { name: /People I know/ }).check();
  await page.getByRole("switch", { name: "Keep quiet hours" }).click();
  await expect(page.getByLabel("From", { exact: true })).toHaveValue("22:00");

  await page.getByRole("link", { name: "Privacy" }).click();
  await page.getByRole("switch", { name: "That I am here" }).click();
  await expect(page.getByRole("switch", { name: "That I am writing" })).toBeDisabled();

  const other = await ada.tab("/mail/settings/identities");
  await expect(other.getByLabel("Your name")).toHaveValue("Ada King");
  const { list } = await ada.jmap.call("VacationResponse/get", { ids: null });
  expect(list[0]).toMatchObject({ isEnabled: true, textBody: "I am at the sea." });
  const rules = await ada.jmap.call("NotificationRules/get", { ids: null }, [
    "https://mailmesh.org/jmap/notifications",
  ]);
  expect(rules.list[0]).toMatchObject({ notifyAbout: "contacts", quietHours: { from: "22:00", to: "07:00" } });
});

test("what the server refuses is as it was, with the reason, and what was typed stays", async ({ person }) => {
  const { page } = await person("Ada Lovelace", { path: "/mail/settings/people" });
  await page.getByRole("button", { name: "Add somebody" }).click();
  await page.getByLabel("Address").fill("zoe@example.net");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("button", { name: /zoe@example\.net/ })).toBeVisible();
  await page.getByRole("button", { name: "Add somebody" }).click();
  await page.getByLabel("Address").fill("Zoe@example.net");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("There is one already.");
  await expect(page.getByLabel("Address")).toHaveValue("Zoe@example.net");
});

test("a session that is ended elsewhere ends here at once", async ({ person }) => {
  const ada = await person("Ada Lovelace", { path: "/mail/settings/account" });
  const phone = await person("Ada's phone", { account: ada.account, phone: true });
  const sessions = ada.page.getByRole("region", { name: "Where you are signed in" });
  await expect(sessions.getByRole("listitem")).toHaveCount(2);
  await expect(sessions.getByText("This one")).toBeVisible();
  const others = sessions.getByRole("listitem").filter({ hasNotText: "This one" });
  await others.getByRole("button", { name: /^Sign out/ }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
  await expect(sessions.getByRole("listitem")).toHaveCount(1);
  await expect(phone.page.getByText("Your session has ended.")).toBeVisible();
});

test("another password is set where the old one is right", async ({ person }) => {
  const ada = await person("Ada Lovelace", { path: "/mail/settings/account" });
  const { page } = ada;
  ada.expected.push(/status of 403/);
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByLabel("Current password").fill("not it");
  await page.getByLabel("New password", { exact: true }).fill("a very long new password");
  await page.getByLabel("New password again").fill("a very long new password");
  await page.getByRole("button", { name: "Set new password" }).click();
  await expect(page.getByText("This is not your current password.")).toBeVisible();
  await page.getByLabel("Current password").fill(ada.account.password);
  await page.getByRole("button", { name: "Set new password" }).click();
  await expect(page.getByText("Your password was changed.")).toBeVisible();
});

test("whom one writes to can be blocked, and sees nothing any more", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const bob = await person("Bob Ray");
  const thread = await talk(ada, bob, "Hello");
  await bob.open(`/mail/inbox/${thread.ofB}`);
  await expect(bob.page.getByRole("img", { name: "Here now" }).first()).toBeVisible();
  await ada.open("/mail/settings/people");
  await ada.page.getByRole("button", { name: /Bob Ray/ }).click();
  await ada.page.getByRole("switch", { name: "Block" }).click();
  await expect(ada.page.getByText("Saved", { exact: true })).toBeVisible();
  await expect(bob.page.getByRole("img", { name: "Here now" })).toBeHidden();
});

test("on a phone the pages are a list, and each has a way back", async ({ person }) => {
  const { page } = await person("Ada Lovelace", { phone: true, path: "/mail/settings" });
  await page.getByRole("link", { name: "Appearance" }).click();
  await page.getByRole("radio", { name: "Dark" }).check();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByLabel("Language of this program").selectOption("ar");
  await expect(page.locator("html")).toHaveAttribute("dir", "rtl");
  await page.getByRole("main").getByRole("link").first().click();
  await expect(page).toHaveURL(/\/mail\/settings$/);
});

test("a signature is written in the composer's editor, and its text goes with plain mail", async ({ person }) => {
  const ada = await person("Ada Lovelace", { path: "/mail/settings/identities" });
  const { page } = ada;
  await page.getByRole("button", { name: "Edit signature" }).click();
  await page.getByRole("textbox", { name: "Signature" }).click();
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+b");
  await page.keyboard.type("Countess");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
  const { list } = await ada.jmap.call("Identity/get", { ids: null });
  expect(list[0].textSignature).toBe("Ada\nCountess");
  expect(list[0].htmlSignature).toContain("<strong>Countess</strong>");
});
