import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Id } from "../jmap";
import { open, readAll } from "./testing/open";
import { turn } from "./testing/wire";
import type { Mail, MailList, Row } from "./types";

const opened: Mail[] = [];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  for (const mail of opened.splice(0)) mail.close();
});

async function begin(prepare?: Parameters<typeof open>[0]) {
  const o = await open(prepare);
  opened.push(o.mail);
  const inbox = o.mail.mailboxByRole("inbox")!.id;
  const list = o.mail.list({ mailboxId: inbox });
  list.window(0, 20);
  await o.wire.settle();
  return { ...o, inbox, list };
}

const idsOf = (list: MailList): Id[] =>
  Array.from({ length: list.total.value ?? 0 }, (_, i) => list.at(i)).map((r) => (r as Row).emailId);

describe("the beginning", () => {
  test("is the mailboxes and a page of the inbox, in one request once they are known", async () => {
    const { server, mail, list } = await begin((s) => {
      for (let i = 0; i < 5; i++) s.deliver();
    });
    expect(mail.mailboxes.value.map((m) => m.role)).toEqual(["inbox", "drafts", "sent", "archive", "junk", "trash"]);
    expect(idsOf(list)).toEqual(server.find({ inMailbox: server.role("inbox") }, true));
    expect(server.called.get("Email/query")).toBe(1);
  });
});

describe("a row", () => {
  test("tells of its thread", async () => {
    const { list, mail } = await begin((s) => {
      const first = s.deliver({ keywords: { $seen: true } });
      const threadId = s.now.emails.get(first)!.threadId!;
      s.deliver({ threadId, from: [{ name: "Bob", email: "bob@example.net" }], keywords: { $flagged: true } });
      s.deliver({ threadId, mailboxIds: { [s.role("sent")]: true }, keywords: { $seen: true } });
      s.deliver({ threadId, mailboxIds: { [s.role("trash")]: true } });
    });
    const row = list.at(0) as Row;
    // What is in the trash is no part of it.
    expect(row).toMatchObject({ count: 3, unread: 1, flagged: true, hasAttachment: false });
    expect(row.participants.map((p) => p.name)).toEqual(["Zoe", "Bob"]);
    expect(row.emailIds.length).toBe(2);
    expect(new Set(row.mailboxIds)).toEqual(new Set([mail.mailboxByRole("inbox")!.id, mail.mailboxByRole("sent")!.id]));
  });

  test("is the same object until something of it changes", async () => {
    const { list, mail } = await begin((s) => {
      s.deliver();
      s.deliver();
    });
    const [a, b] = [list.at(0), list.at(1)] as [Row, Row];
    mail.do.quietly.star([a.emailId]);
    expect((list.at(0) as Row).flagged).toBe(true);
    expect(list.at(1)).toBe(b);
  });
});

describe("what another device does", () => {
  test("is seen after a round", async () => {
    const { server, list, mail, wire, inbox } = await begin((s) => {
      for (let i = 0; i < 3; i++) s.deliver();
    });
    const [newest, , oldest] = idsOf(list);
    server.change(oldest!, () => ({ mailboxIds: { [server.role("trash")]: true } }));
    server.change(newest!, () => ({ keywords: { $seen: true } }));
    const fresh = server.deliver();
    await Promise.all([mail.refresh(), wire.settle()]);
    expect(idsOf(list)).toEqual(server.find({ inMailbox: inbox }, true));
    expect(idsOf(list)[0]).toBe(fresh);
    expect((list.at(1) as Row).unread).toBe(0);
    expect(mail.mailboxes.value).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: inbox, unreadEmails: 2 })]),
    );
  });

  test("is one request, whatever it was", async () => {
    const { server, mail, wire } = await begin((s) => {
      s.deliver();
    });
    server.deliver();
    server.called.clear();
    wire.flows = false;
    const done = mail.refresh();
    await turn();
    expect(wire.sent.length).toBe(1);
    await wire.settle();
    await done;
    expect(server.called.get("Email/changes")).toBe(1);
  });

  test("is seen when the server cannot tell the changes", async () => {
    const { server, list, mail, wire, inbox } = await begin((s) => {
      for (let i = 0; i < 3; i++) s.deliver();
    });
    server.change(idsOf(list)[1]!, undefined);
    server.deliver();
    server.oldest = 1e9;
    await Promise.all([mail.refresh(), wire.settle()]);
    server.oldest = 0;
    await wire.settle();
    expect(idsOf(list)).toEqual(server.find({ inMailbox: inbox }, true));
  });

  test("comes in parts where it is much", async () => {
    const { server, list, mail, wire, inbox } = await begin();
    for (let i = 0; i < 150; i++) server.deliver();
    await Promise.all([mail.refresh(), wire.settle()]);
    expect((await readAll(list, wire)).map((r) => r.emailId)).toEqual(server.find({ inMailbox: inbox }, true));
  });
});

describe("what is done here", () => {
  test("is seen at once, counted, told, and then confirmed", async () => {
    const { server, list, mail, wire, toasts, inbox } = await begin((s) => {
      s.deliver();
      s.deliver();
    });
    wire.flows = false;
    const row = list.at(0) as Row;
    const done = mail.do.archive(row.emailIds);
    expect(idsOf(list)).not.toContain(row.emailId);
    expect(list.total.value).toBe(1);
    expect(mail.mailboxById(inbox)).toMatchObject({
      totalEmails: 1,
      unreadEmails: 1,
      totalThreads: 1,
      unreadThreads: 1,
    });
    expect(mail.mailboxByRole("archive")).toMatchObject({ totalEmails: 1, unreadThreads: 1 });
    expect(toasts).toEqual([{ text: "model.archived", undo: expect.any(Function) }]);
    expect(mail.pending.value).toBe(1);
    await wire.settle();
    await done.done;
    expect(mail.pending.value).toBe(0);
    expect(server.now.emails.get(row.emailId)!.mailboxIds).toEqual({ [server.role("archive")]: true });
    expect(idsOf(list)).toEqual(server.find({ inMailbox: inbox }, true));
  });

  test("is not seen to flicker, whenever the server tells of it", async () => {
    const { list, mail, wire } = await begin((s) => {
      s.deliver();
      s.deliver();
    });
    const row = list.at(0) as Row;
    mail.do.archive(row.emailIds);
    wire.flows = false;
    for (let i = 0; i < 10; i++) {
      expect(idsOf(list)).not.toContain(row.emailId);
      expect(list.total.value).toBe(1);
      await turn();
      if (wire.sent[0]) wire.answer(wire.sent[0]);
    }
    await wire.settle();
    expect(list.total.value).toBe(1);
  });

  test("is taken back where the server refuses, and only that", async () => {
    const { server, list, mail, wire, toasts } = await begin((s) => {
      s.locked.add(s.deliver());
      s.deliver();
    });
    const before = idsOf(list);
    const locked = before[1]!;
    const done = mail.do.trash(before);
    expect(list.total.value).toBe(0);
    await wire.settle();
    await expect(done.done).rejects.toMatchObject({ key: "model.forbidden" });
    expect(idsOf(list)).toEqual([locked]);
    expect(toasts.at(-1)).toMatchObject({ kind: "error" });
    done.undo();
    await wire.settle();
    expect(idsOf(list)).toEqual(before);
    expect(server.now.emails.get(before[0]!)!.mailboxIds).toEqual({ [server.role("inbox")]: true });
  });

  test("is taken back exactly: labels and keywords are as they were", async () => {
    const { server, list, mail, wire } = await begin((s) => {
      const label = s.box("label");
      s.deliver({ mailboxIds: { [s.role("inbox")]: true, [label]: true }, keywords: { $flagged: true } });
    });
    const id = idsOf(list)[0]!;
    const before = server.now.emails.get(id)!;
    const done = mail.do.junk([id]);
    await wire.settle();
    expect(server.now.emails.get(id)!.mailboxIds).toEqual({ [server.role("junk")]: true });
    done.undo();
    done.undo();
    expect(idsOf(list)).toEqual([id]);
    await wire.settle();
    expect(server.now.emails.get(id)!.mailboxIds).toEqual(before.mailboxIds);
    expect(server.now.emails.get(id)!.keywords).toEqual(before.keywords);
  });

  test("leaves no trace where it is undone before it was sent", async () => {
    const { server, list, mail, wire } = await begin((s) => {
      s.deliver();
    });
    const state = server.state;
    mail.do.trash(idsOf(list)).undo();
    expect(list.total.value).toBe(1);
    await wire.settle();
    expect(server.state).toBe(state);
  });

  test("waits without a connection, and is done in order when it is back, once", async () => {
    const { server, list, mail, wire } = await begin((s) => {
      s.deliver();
    });
    const id = idsOf(list)[0]!;
    wire.cut = true;
    mail.do.star([id]);
    mail.do.archive([id]);
    mail.do.unstar([id]);
    await turn();
    expect(list.total.value).toBe(0);
    expect(mail.pending.value).toBe(3);
    expect(server.now.emails.get(id)!.keywords).toEqual({});
    wire.cut = false;
    mail.connection.retry();
    await wire.settle();
    await wire.settle();
    expect(mail.pending.value).toBe(0);
    expect(server.now.emails.get(id)).toMatchObject({ keywords: {}, mailboxIds: { [server.role("archive")]: true } });
  });

  test("is sent again where the answer was lost", async () => {
    const { server, list, mail, wire } = await begin((s) => {
      s.deliver();
    });
    const id = idsOf(list)[0]!;
    wire.flows = false;
    const done = mail.do.destroy([id]);
    await turn();
    wire.arrive(wire.sent[0]!);
    wire.lose(wire.sent[0]!);
    await turn();
    mail.connection.retry();
    await wire.settle();
    await wire.settle();
    await done.done;
    expect(server.now.emails.has(id)).toBe(false);
    expect(list.total.value).toBe(0);
  });

  test("what would be in no mailbox is archived", async () => {
    const { server, list, mail, wire, inbox } = await begin((s) => {
      s.deliver();
    });
    const id = idsOf(list)[0]!;
    mail.do.removeFrom([id], inbox);
    await wire.settle();
    expect(server.now.emails.get(id)!.mailboxIds).toEqual({ [server.role("archive")]: true });
  });

  test("covers emails that were never seen", async () => {
    const { server, mail, wire } = await begin((s) => {
      s.deliverMany(180);
    });
    const list = mail.list({ mailboxId: mail.mailboxByRole("inbox")!.id });
    const all = await list.allEmailIds();
    expect(all.length).toBe(180);
    const done = mail.do.trash(all);
    await wire.settle();
    await done.done;
    expect(server.find({ inMailbox: server.role("inbox") }, true)).toEqual([]);
    done.undo();
    await wire.settle();
    await wire.settle();
    expect(server.find({ inMailbox: server.role("inbox") }, true).length).toBe(180);
    expect(list.total.value).toBe(180);
  });
});

describe("a long list", () => {
  test("is loaded where one looks, and forgotten elsewhere", async () => {
    const { server, list, wire, inbox } = await begin((s) => {
      s.deliverMany(2700);
    });
    const all = server.find({ inMailbox: inbox }, true);
    list.window(2500, 2520);
    await wire.settle();
    expect((list.at(2510) as Row).emailId).toBe(all[2510]);
    expect(list.indexOf(all[0]!)).toBe(-1);
    list.window(0, 20);
    expect(list.at(0)).toBe("loading");
    await wire.settle();
    expect((list.at(0) as Row).emailId).toBe(all[0]);
  });

  test("stays where one looks when something comes or goes far above", async () => {
    const { server, list, mail, wire, inbox } = await begin((s) => {
      s.deliverMany(1000);
    });
    list.window(700, 720);
    await wire.settle();
    const before = server.find({ inMailbox: inbox }, true);
    const anchor = (list.at(705) as Row).emailId;
    for (const id of before.slice(300, 310)) server.change(id, undefined); // in the gap: which were there is not known
    await Promise.all([mail.refresh(), wire.settle()]);
    await wire.settle();
    const now = server.find({ inMailbox: inbox }, true);
    expect(list.total.value).toBe(now.length);
    expect(list.indexOf(anchor)).toBe(now.indexOf(anchor));
    list.window(696, 716);
    await wire.settle();
    for (let i = 690; i < 720; i++) expect((list.at(i) as Row).emailId).toBe(now[i]);
  });
});

describe("an answer that comes late", () => {
  async function late(ask: (o: Awaited<ReturnType<typeof begin>>, id: Id) => void, known: boolean) {
    const o = await begin((s) => {
      s.deliver({ mailboxIds: { [known ? s.role("inbox") : s.role("sent")]: true } });
    });
    const [id] = [...o.server.now.emails.keys()];
    o.wire.flows = false;
    ask(o, id!);
    await turn();
    const [slow] = o.wire.sent;
    o.wire.arrive(slow!);
    o.server.change(id!, () => ({ keywords: { $flagged: true } }));
    const round = o.mail.refresh();
    await turn();
    o.wire.answer(o.wire.sent.find((s) => s !== slow)!);
    await round;
    o.wire.answer(slow!);
    await turn();
    await o.wire.settle();
    expect(o.mail.email(id!).value?.keywords).toEqual({ $flagged: true });
  }

  test("does not take back what is known", async () => {
    await late((o) => o.mail.list({ mailboxId: o.inbox, collapseThreads: false }).window(0, 5), true);
  });

  test("of a list is brought up to date", async () => {
    const { server, mail, wire, inbox } = await begin();
    wire.flows = false;
    const list = mail.list({ mailboxId: inbox, collapseThreads: false });
    list.window(0, 5);
    await turn();
    const [slow] = wire.sent;
    wire.arrive(slow!);
    const id = server.deliver();
    const round = mail.refresh();
    await turn();
    wire.answer(wire.sent.find((s) => s !== slow)!);
    await round;
    await wire.settle();
    expect(idsOf(list)).toEqual([id]);
  });

  test("is asked for again where nothing was known", async () => {
    await late((o, id) => o.mail.email(id), false);
  });
});
