import { expect, type Person, test } from "../harness/index.ts";

/** Has the browser's push service deliver to the worker, as it does when the server has sent something. */
async function push(person: Person, data: object): Promise<void> {
  const devtools = await person.context.newCDPSession(person.page);
  const origin = new URL(person.page.url()).origin;
  const registered = new Promise<string>((done) => {
    devtools.on("ServiceWorker.workerRegistrationUpdated", (e) => {
      const one = e.registrations.find((r) => r.scopeURL.startsWith(origin) && !r.isDeleted);
      if (one) done(one.registrationId);
    });
  });
  await devtools.send("ServiceWorker.enable");
  await devtools.send("ServiceWorker.deliverPushMessage", {
    origin,
    registrationId: await registered,
    data: JSON.stringify(data),
  });
}

const worker = (person: Person) => person.page.evaluate(async () => !!(await navigator.serviceWorker.ready).active);

const shown = (person: Person) =>
  person.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.getNotifications()).map((n) => ({ title: n.title, body: n.body }));
  });

test("what is pushed is shown once, by thread, and goes when it was read elsewhere", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  await ada.context.grantPermissions(["notifications"]);
  await expect.poll(() => worker(ada)).toBe(true);
  await ada.deliver({ from: "Zoe <zoe@example.net>", subject: "Hello", text: "Are you there?" });
  const mail = await ada.jmap.email("Hello");
  const told = {
    "@type": "Notification",
    accountId: await ada.jmap.accountId(),
    emailId: mail.id,
    threadId: mail.threadId,
    receivedAt: "2026-11-22T12:00:00Z",
    isUrgent: false,
    from: { name: "Zoe", email: "zoe@example.net" },
    subject: "Hello",
    preview: "Are you there?",
  };
  await ada.page.goto("/about"); // nobody looks at the mail
  await push(ada, told);
  await expect.poll(() => shown(ada)).toEqual([{ title: "Zoe", body: "Hello\nAre you there?" }]);
  await push(ada, told);
  await push(ada, { ...told, emailId: "other", preview: "Well?" });
  await expect.poll(() => shown(ada)).toEqual([{ title: "Zoe", body: "Hello\nWell?\n2 new messages" }]);
  await ada.jmap.update([mail.id], { "keywords/$seen": true });
  await ada.open("/mail/inbox");
  await expect.poll(() => shown(ada)).toEqual([]);
});

test("without a connection the program starts, and says so calmly", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  ada.expected.push(/net::ERR_|Failed to load resource|WebSocket/);
  await expect.poll(() => worker(ada)).toBe(true);
  await ada.context.setOffline(true);
  await ada.page.reload();
  await expect(ada.page.getByText(/server does not answer|no connection/i).first()).toBeVisible();
  await ada.context.setOffline(false);
  await expect(ada.page.getByRole("navigation", { name: "Folders" })).toBeVisible();
});

test("a connection that is lost is a line, and one that is back too", async ({ person, server }) => {
  const wire = await server.wire();
  const ada = await person("Ada Lovelace", { wire });
  await expect(ada.page).toHaveTitle(/Inbox/);
  wire.cut();
  await expect(ada.page.getByText("Offline. What you write is kept.")).toBeVisible();
  wire.heal();
  await expect(ada.page.getByText("Back online")).toBeVisible();
  await expect(ada.page.getByText("Back online")).toBeHidden();
});
