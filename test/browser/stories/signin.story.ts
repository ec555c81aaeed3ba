import { expect, test } from "../harness/index.ts";

test("somebody signs in, and out", async ({ person }) => {
  const ada = await person("Ada Lovelace", { signedIn: false });
  await ada.signIn();

  await expect(ada.page.getByRole("banner")).toBeVisible();
});

test("a wrong password is said so, and nothing typed is lost", async ({ person }) => {
  const ada = await person("Ada Lovelace", { signedIn: false });
  await ada.signIn("not the password");
  await expect(ada.page.getByRole("alert")).toBeVisible();
  await expect(ada.page.locator('input[name="username"]')).toHaveValue(ada.account.address);
  await ada.page.locator('input[name="password"]').fill(ada.account.password);
  await ada.page.keyboard.press("Enter");
  await expect(ada.page.getByRole("banner")).toBeVisible();
});
