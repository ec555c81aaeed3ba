// The pictures of docs/screenshots, made when SCREENSHOTS=1 (make screenshots) from the mail of the demo.
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, type Person, type PersonOptions, test } from "../harness/index.ts";
import { conversation } from "../harness/views.ts";

const folder = join(import.meta.dirname, "../../../docs/screenshots");
const most = 300_000; // bytes of a picture

test.skip(process.env.SCREENSHOTS !== "1", "only when asked: make screenshots");
test.describe.configure({ timeout: 60_000 });

async function picture(p: Person, name: string): Promise<void> {
  const path = join(folder, `${name}.png`);
  await p.page.mouse.move(0, 0);
  await p.page.evaluate(() => document.fonts.ready);
  await p.page.screenshot({ path, animations: "disabled", caret: "hide" });
  expect(statSync(path).size, path).toBeLessThan(most);
}

const inbox = async (p: Person) => {
  await p.open("/mail/inbox");
  await expect(p.page.getByRole("row").nth(3)).toBeVisible();
};

async function talk(p: Person): Promise<void> {
  await conversation(p, "Ferry timetable");
  await expect(p.page.locator("article iframe").last().contentFrame().locator("table")).toBeVisible();
}

async function write(p: Person): Promise<void> {
  await conversation(p, "Pictures from Sunday");
  await p.page.goto(
    `${new URL(p.page.url()).pathname}?compose&to=${encodeURIComponent("Priya Raman <priya@harbour.example>")}&subject=${encodeURIComponent("Slides for Thursday")}`,
  );
  const body = p.page.locator('[contenteditable="true"]').last();
  await body.click();
  await p.page.keyboard.type(
    "Hello Priya,\n\nthe three pictures I would show are ready. The first is the old pier before the storm, the second the new landing stage, the third Sofia's photograph of Sunday.\n\nShall we meet ten minutes earlier?\n\nAlice",
  );
}

for (const theme of ["light", "dark"] as const) {
  test(`wide, ${theme}`, async ({ resident }) => {
    const alice = await resident({ theme, context: { viewport: { width: 1400, height: 900 } } });
    await inbox(alice);
    await picture(alice, `inbox-${theme}`);
    await alice.page.getByRole("row", { name: /Ferry timetable/ }).click();
    await expect(alice.page.locator("article iframe").last().contentFrame().locator("table")).toBeVisible();
    await picture(alice, `conversation-${theme}`);
    await alice.open("/mail/settings/appearance");
    await expect(alice.page.getByRole("heading", { level: 2 }).first()).toBeVisible();
    await picture(alice, `settings-${theme}`);
    await write(alice);
    await picture(alice, `composer-${theme}`);
  });

  test(`phone, ${theme}`, async ({ resident }) => {
    const alice = await resident({ theme, phone: true });
    await inbox(alice);
    await picture(alice, `phone-inbox-${theme}`);
    await talk(alice);
    await picture(alice, `phone-conversation-${theme}`);
  });
}

test("Arabic", async ({ resident }) => {
  const options: PersonOptions = { language: "ar", context: { viewport: { width: 1400, height: 900 } } };
  const alice = await resident(options);
  await inbox(alice);
  await conversation(alice, "ترجمة");
  await picture(alice, "arabic");
});
