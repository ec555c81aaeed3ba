import { expect, test } from "../harness/index.ts";

test("a quick reply is ordinary mail in its thread, and the sender's next one too", async ({ person }) => {
  const [ada, bob] = await Promise.all([person("Ada Lovelace"), person("Bob Moran")]);
  ada.expected.push(/frame\.html/);
  await ada.deliver({
    from: `Bob Moran <${bob.account.address}>`,
    to: `${ada.account.address}, cleo@example.net`,
    subject: "Tea?",
    text: "At four?",
    messageId: "tea@example.net",
  });
  const mail = await ada.jmap.email("Tea?");
  await ada.page.goto(`/mail/inbox/${mail.threadId}`);
  const line = ada.page.getByRole("textbox", { name: "Write a quick reply…" });
  await line.fill("Yes, gladly");
  await line.press("Enter");
  await expect(line).toHaveValue("");
  await expect.poll(async () => (await bob.jmap.emails("inbox")).map((e) => e.preview)).toEqual(["Yes, gladly"]);
  const [got] = await bob.jmap.emails("inbox", ["subject", "inReplyTo", "references", "from", "to", "cc"]);
  expect([got.subject, got.inReplyTo, got.references]).toEqual(["Re: Tea?", ["tea@example.net"], ["tea@example.net"]]);
  expect(got.to.map((a: { email: string }) => a.email)).toEqual([bob.account.address]);
  await expect
    .poll(
      async () => (await ada.jmap.email("Tea?")) && (await ada.jmap.emails({ subject: "Tea" })).map((e) => e.threadId),
    )
    .toEqual([mail.threadId, mail.threadId]);
  await expect.poll(async () => (await ada.jmap.emails("inbox")).map((e) => e.keywords.$answered)).toEqual([true]);
});

test("what stands in the quick reply is there after a reload, and in the composer", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  ada.expected.push(/frame\.html/);
  await ada.deliver({
    from: "Bob <bob@example.net>",
    subject: "Tea?",
    html: "<p style='color:#a00'>At <b>four</b>?</p><table><tr><td>a</td></tr></table>",
  });
  const mail = await ada.jmap.email("Tea?");
  await ada.page.goto(`/mail/inbox/${mail.threadId}`);
  const line = ada.page.getByRole("textbox", { name: "Write a quick reply…" });
  await line.fill("I was about");
  await ada.page.waitForFunction(
    () =>
      new Promise((done) => {
        const opened = indexedDB.open("mailmesh-compose");
        opened.onsuccess = () => {
          const all = opened.result.transaction("drafts").objectStore("drafts").getAll();
          all.onsuccess = () => {
            opened.result.close();
            done(JSON.stringify(all.result).includes("I was about"));
          };
        };
      }),
  );
  await ada.page.reload();
  await expect(line).toHaveValue("I was about");
  await ada.page.getByRole("button", { name: "Open in the composer" }).click();
  const window = ada.page.getByRole("dialog", { name: "Re: Tea?" });
  await expect(window.getByRole("textbox", { name: "Message", exact: true })).toHaveText("I was about");
  await window.getByRole("button", { name: "Show quoted text" }).click();
  await expect(window.getByRole("textbox", { name: "Quoted text" })).toContainText("At four?");
});

test("on a phone, in Arabic and in the dark", async ({ person }) => {
  const ada = await person("Ada Lovelace", { phone: true, language: "ar", theme: "dark" });
  ada.expected.push(/frame\.html/);
  await ada.deliver({ from: "Bob <bob@example.net>", subject: "Tea?", text: "At four?" });
  const mail = await ada.jmap.email("Tea?");
  await ada.page.goto(`/mail/inbox/${mail.threadId}`);
  await expect(ada.page.getByRole("textbox", { name: "اكتب ردًا سريعًا…" })).toBeVisible();
  await ada.page.getByRole("textbox", { name: "اكتب ردًا سريعًا…" }).fill("نعم");
  await ada.page.getByRole("button", { name: "فتح في المحرر" }).click();
  await expect(ada.page.getByRole("textbox", { name: "نص الرسالة" })).toHaveText("نعم");
});
