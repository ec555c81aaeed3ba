import { expect, test } from "../harness/index.ts";

test("on a phone one thing at a time, and back again", async ({ person }) => {
  const ada = await person("Ada Lovelace", { phone: true });
  await ada.deliver({
    from: "Mara Lindqvist <mara@example.net>",
    subject: "Ferry timetable",
    text: "The third draft.",
  });
  const row = ada.page.getByRole("row", { name: /Ferry timetable/ });
  await row.tap();
  await expect(ada.page.getByRole("article").getByText("The third draft.").last()).toBeVisible();
  await expect(row).toBeHidden();
  await ada.page.goBack();
  await expect(row).toBeVisible();
  await expect(ada.page.getByRole("article")).toHaveCount(0);
  const wide = await ada.page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide).toBe(390);
});

test("what a finger must hit is large enough", async ({ person }) => {
  const ada = await person("Ada Lovelace", { phone: true });
  await ada.deliver({
    from: "Mara Lindqvist <mara@example.net>",
    subject: "Ferry timetable",
    text: "The third draft.",
  });
  await expect(ada.page.getByRole("row").first()).toBeVisible();
  const small = await ada.page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, a[href], input, select")]
      .filter((e) => e.checkVisibility() && e.getBoundingClientRect().width > 1 && !e.closest('[role="row"]'))
      .map((e) => ({ e, box: (e.closest("label") ?? e).getBoundingClientRect() }))
      .filter(({ box }) => box.right > 0 && box.left < innerWidth && Math.min(box.width, box.height) < 40)
      .map(({ e, box }) => `${Math.round(box.width)}x${Math.round(box.height)} ${e.outerHTML.slice(0, 120)}`),
  );
  expect(small).toEqual([]);
});
