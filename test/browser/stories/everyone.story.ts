// The client is for everyone: whoever uses a keyboard, a screen reader, a phone, another language.
import { barriers } from "../harness/axe.ts";
import { expect, test } from "../harness/index.ts";
import { views } from "../harness/views.ts";
import { strayWords } from "../harness/words.ts";

const screens = [
  { name: "wide, light", options: { theme: "light" } },
  { name: "wide, dark", options: { theme: "dark" } },
  { name: "phone, light", options: { theme: "light", phone: true } },
  { name: "phone, dark", options: { theme: "dark", phone: true } },
] as const;

for (const { name, options } of screens) {
  test(`no barriers: ${name}`, async ({ resident }) => {
    test.setTimeout(180_000);
    const alice = await resident(options);
    for (const view of views) {
      if (view.wide && "phone" in options) continue;
      await test.step(view.name, async () => {
        await view.show(alice);
        expect.soft(await barriers(alice.page), view.name).toEqual([]);
      });
    }
  });

  test(`no barriers to sign in: ${name}`, async ({ person }) => {
    const ada = await person("Ada Lovelace", { ...options, signedIn: false });
    await ada.page.goto("/");
    await expect(ada.page.locator('input[name="username"]')).toBeVisible();
    expect(await barriers(ada.page)).toEqual([]);
  });
}

test("every word is in the catalogues", async ({ resident }) => {
  test.setTimeout(120_000);
  const alice = await resident({ language: "pseudo" });
  for (const view of views) {
    await test.step(view.name, async () => {
      await view.show(alice);
      expect.soft(await strayWords(alice.page), view.name).toEqual([]);
    });
  }
});

test("every word is in the catalogues, of who signs in", async ({ person }) => {
  const ada = await person("Ada Lovelace", { language: "pseudo", signedIn: false });
  await ada.signIn("wrong");
  await expect(ada.page.getByRole("alert")).toBeVisible();
  expect(await strayWords(ada.page)).toEqual([]);
});

for (const phone of [false, true]) {
  test(`Arabic is read from right to left: ${phone ? "phone" : "wide"}`, async ({ resident }) => {
    test.setTimeout(120_000);
    const alice = await resident({ language: "ar", phone });
    for (const view of views) {
      if (view.wide && phone) continue;
      await test.step(view.name, async () => {
        await view.show(alice);
        await expect(alice.page.locator("html")).toHaveAttribute("dir", "rtl");
        expect.soft(await alice.page.evaluate(overflow), view.name).toEqual([]);
      });
    }
    await views[0]!.show(alice);
    if (phone) return;
    const folders = await alice.page.getByRole("navigation").first().boundingBox();
    const list = await alice.page.locator("#list").boundingBox();
    expect(folders!.x).toBeGreaterThan(list!.x);
  });
}

/** What is wider than the page, or out of it sideways. */
function overflow(): string[] {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const out = [...document.body.querySelectorAll("*")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && (box.left < -1 || box.right > root.clientWidth + 1);
  });
  return [`the page is ${root.scrollWidth} wide`, ...out.slice(0, 3).map((e) => e.outerHTML.slice(0, 160))];
}
