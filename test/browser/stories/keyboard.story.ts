import { expect, test } from "../harness/index.ts";

test("everything can be done by keys alone", async ({ person, server }) => {
  test.setTimeout(60_000);
  const ada = await person("Ada Lovelace", { signedIn: false, preferences: { undoSeconds: 0 } });
  const bob = await server.account("Bob Castellano");
  const { page } = ada;
  await ada.deliver(
    { from: "Mara Lindqvist <mara@example.net>", subject: "Ferry timetable", text: "The third draft." },
    { from: `${bob.name} <${bob.address}>`, subject: "Lunch", text: "Friday?" },
  );

  await test.step("sign in", async () => {
    await page.goto("/");
    await expect(page.locator('input[name="username"]')).toBeFocused();
    await page.keyboard.type(ada.account.address);
    await page.keyboard.press("Tab");
    await page.keyboard.type(ada.account.password);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("row", { name: /Lunch/ })).toBeVisible();
  });

  await test.step("open, and answer", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("o");
    await expect(page.getByRole("article").getByText("Friday?").last()).toBeVisible();
    await page.keyboard.press("r");
    await expect(page.locator('[contenteditable="true"], textarea').last()).toBeFocused();
    await page.keyboard.type("Yes, half past twelve.");
    await page.keyboard.press("Control+Enter");
    await expect
      .poll(async () => (await server.jmap(bob).emails("inbox")).map((e) => e.subject))
      .toEqual(["Re: Lunch"]);
  });

  await test.step("archive", async () => {
    await page.keyboard.press("u");
    await expect(page.getByRole("row", { name: /Lunch/ })).toBeVisible();
    await page.keyboard.press("e");
    await expect(page.getByRole("row", { name: /Lunch/ })).toHaveCount(0);
  });

  await test.step("search", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("from:mara");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/search\?q=/);
    await expect(page.getByRole("row", { name: /Ferry timetable/ })).toBeVisible();
    await expect(page.getByRole("row", { name: /Lunch/ })).toHaveCount(0);
  });
});

test("where the focus is can be seen, and it never gets lost", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  await ada.deliver({
    from: "Mara Lindqvist <mara@example.net>",
    subject: "Ferry timetable",
    text: "The third draft.",
  });
  await expect(ada.page.getByRole("row").first()).toBeVisible();
  const seen = new Set<string>();
  for (let i = 0; i < 40; i++) {
    await ada.page.keyboard.press("Tab");
    const at = await ada.page.evaluate(() => {
      const e = document.activeElement as HTMLElement;
      const box = e.getBoundingClientRect();
      const style = getComputedStyle(e);
      const ringed =
        e.hasAttribute("aria-activedescendant") ||
        [e, e.parentElement!, e.closest("label") ?? e].some((x) => {
          const s = getComputedStyle(x);
          return (s.outlineStyle !== "none" && s.outlineWidth !== "0px") || s.boxShadow !== "none";
        });
      return {
        what: e.outerHTML.slice(0, 100),
        body: e === document.body,
        visible: box.width > 0 && style.visibility === "visible",
        ringed,
      };
    });
    if (at.body) continue; // the browser's own buttons
    expect.soft(at.visible && at.ringed, at.what).toBe(true);
    seen.add(at.what);
  }
  expect(seen.size).toBeGreaterThan(8);
});
