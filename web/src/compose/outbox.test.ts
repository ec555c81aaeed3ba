import { describe, expect, test } from "vitest";
import { type Draft, emptyDraft } from "./draft";
import { FakeServer } from "./fakeserver";
import { MemoryJournal } from "./journal";
import { cancel, Outbox, type Sending } from "./outbox";

const entryOf = (draft: Draft) => ({
  draft,
  revision: 1,
  saved: -1,
  serverId: null,
  stale: null,
  attempt: null,
  changedAt: 0,
});
const places = { drafts: "D", sent: "S", scheduled: "L" };
let last = 0;

function sending(more: Partial<Sending> = {}): Sending {
  const id = `s${++last}`;
  return {
    id,
    messageId: `${id}@home.org`,
    draft: null,
    email: null,
    identityId: "I",
    to: ["ann@a.org"],
    hold: 0,
    at: null,
    answers: null,
    replaces: null,
    quick: false,
    tidy: false,
    state: "waiting",
    tried: false,
    emailId: null,
    submissionId: null,
    trouble: null,
    since: 0,
    ...more,
  };
}

class Desk {
  readonly server = new FakeServer();
  readonly journal = new MemoryJournal();
  readonly gone: string[] = [];
  readonly failed: Sending[] = [];
  readonly due: (() => void)[] = [];
  readonly locks = new Set<string>();
  outbox = this.open();

  open(): Outbox {
    const box = new Outbox({
      server: this.server,
      journal: this.journal,
      prepare: async (s) => ({
        email: { messageId: [s.messageId], mailboxIds: { D: true }, keywords: { $draft: true }, text: s.id },
        from: "me@home.org",
        identityId: "I",
        to: s.to,
      }),
      places: async () => places,
      gone: (s) => this.gone.push(s.id),
      failed: (s) => this.failed.push(s),
      over: async (s) => {
        if (s.draft) await this.journal.remove(s.draft.key);
      },
      claim: async (name) => {
        if (this.locks.has(name)) return null;
        this.locks.add(name);
        return () => this.locks.delete(name);
      },
      later: (_, act) => {
        this.due.push(act);
        return () => {};
      },
    });
    this.outbox = box;
    return box;
  }

  /** The program starts again, be it after a crash. */
  async again(): Promise<void> {
    this.locks.clear();
    await this.open().start();
    await this.settled();
  }

  async settled(): Promise<void> {
    for (let i = 0; i < 100; i++) await Promise.resolve();
  }

  get sent(): string[] {
    return [...this.server.submissions.values()].filter((s) => s.undoStatus !== "canceled").map((s) => s.emailId);
  }
}

describe("sending", () => {
  test("is one request, and leaves the email in Sent", async () => {
    const desk = new Desk();
    await desk.outbox.add(sending());
    expect(desk.server.calls).toEqual(["Email/set", "EmailSubmission/set"]);
    const [email] = [...desk.server.emails.values()];
    expect([email!.mailboxIds, email!.keywords]).toEqual([{ S: true }, {}]);
    expect([desk.gone.length, desk.journal.outbox.size, desk.outbox.list.value.length]).toEqual([1, 0, 0]);
  });

  test("waits for its time elsewhere", async () => {
    const desk = new Desk();
    await desk.outbox.add(sending({ at: "2026-12-01T08:00:00Z" }));
    expect([...desk.server.emails.values()][0]!.mailboxIds).toEqual({ L: true });
  });

  test("is known while it can be taken back, and is a draft again then", async () => {
    const desk = new Desk();
    desk.server.holds = true;
    const s = await desk.outbox.add(sending({ hold: 10 }));
    expect(desk.outbox.list.value).toHaveLength(1);
    const back = await desk.outbox.undo(s.id);
    expect(back?.emailId).toBe([...desk.server.emails.keys()][0]);
    const [email] = [...desk.server.emails.values()];
    expect([email!.mailboxIds, email!.keywords, desk.sent]).toEqual([{ D: true }, { $draft: true }, []]);
  });

  test("cannot be taken back when it has left", async () => {
    const desk = new Desk();
    const s = await desk.outbox.add(sending({ hold: 10 }));
    expect(await desk.outbox.undo(s.id)).toBeNull();
    expect(await cancel(desk.server, "S9", places)).toBe(false);
  });

  test("that is refused says why, and goes on from there when it is tried again", async () => {
    const desk = new Desk();
    desk.server.refuse.submission = {
      type: "invalidRecipients",
      invalidRecipients: ["x@y.org"],
      description: "x@y.org: no",
    };
    const s = await desk.outbox.add(sending());
    expect(desk.failed[0]!.trouble).toMatchObject({
      type: "invalidRecipients",
      details: { invalidRecipients: ["x@y.org"] },
    });
    expect([...desk.server.emails.values()][0]!.keywords).toEqual({ $draft: true });
    desk.server.refuse = {};
    await desk.outbox.retry(s.id);
    expect([desk.server.emails.size, desk.sent.length, desk.gone.length]).toEqual([1, 1, 1]);
  });

  test("that was refused before it was made keeps nothing there", async () => {
    const desk = new Desk();
    desk.server.refuse.email = { type: "overQuota" };
    await desk.outbox.add(sending());
    expect([desk.failed[0]!.trouble?.type, desk.server.emails.size, desk.journal.outbox.size]).toEqual([
      "overQuota",
      0,
      1,
    ]);
  });
});

describe("when the answer is lost", () => {
  test.each(["unheard", "unanswered"] as const)("(%s) it goes once", async (fate) => {
    const desk = new Desk();
    let first = true;
    desk.server.fate = () => {
      const was = first;
      first = false;
      return was ? fate : "answered";
    };
    await desk.outbox.add(sending());
    expect(desk.outbox.list.value[0]).toMatchObject({ state: "waiting", tried: true });
    desk.due.shift()!();
    await desk.settled();
    expect([desk.sent.length, desk.server.emails.size, desk.gone.length]).toEqual([1, 1, 1]);
  });

  test("a reload goes on with it", async () => {
    const desk = new Desk();
    desk.server.fate = () => "unanswered";
    await desk.outbox.add(sending());
    desk.server.fate = () => "answered";
    await desk.again();
    expect([desk.sent.length, desk.server.emails.size, desk.journal.outbox.size]).toEqual([1, 1, 0]);
  });

  test("another tab leaves it alone", async () => {
    const desk = new Desk();
    desk.server.fate = () => "unheard";
    await desk.outbox.add(sending());
    desk.server.fate = () => "answered";
    const other = desk.open();
    await other.start();
    await desk.settled();
    expect([other.list.value.length, desk.sent.length]).toEqual([0, 0]);
  });
});

describe("two tabs", () => {
  test("one that starts while the other sends does not send again", async () => {
    const desk = new Desk();
    await desk.journal.putSending(sending());
    const read = desk.journal.sendings.bind(desk.journal);
    // This one has read the journal; only then does the other one send, and let go.
    desk.journal.sendings = async () => {
      const seen = await read();
      desk.journal.sendings = read;
      await desk.open().start();
      await desk.settled();
      return seen;
    };
    await desk.open().start();
    await desk.settled();
    expect(desk.sent).toHaveLength(1);
  });

  test.each([
    { hold: 0, at: null },
    { hold: 10, at: null },
    { hold: 0, at: "2026-12-01T08:00:00Z" },
  ])("a draft that was sent is none any more, wherever the tab is closed (%j)", async (when) => {
    for (let closed = 0; closed < 6; closed++) {
      const desk = new Desk();
      desk.server.holds = true;
      const draft = { ...emptyDraft(undefined), key: "k" };
      await desk.journal.put(entryOf(draft));
      let left = closed;
      const remove = desk.journal.removeSending.bind(desk.journal);
      const put = desk.journal.putSending.bind(desk.journal);
      const never = new Promise<never>(() => {});
      desk.journal.putSending = (s) => (left-- > 0 ? put(s) : never);
      desk.journal.removeSending = (id) => (left-- > 0 ? remove(id) : never);
      void desk.outbox.add(sending({ draft, messageId: draft.messageId, ...when }));
      await desk.settled();
      Object.assign(desk.journal, { putSending: put, removeSending: remove });
      await desk.again();
      for (const act of desk.due) act();
      await desk.settled();
      expect([closed, desk.sent.length <= 1]).toEqual([closed, true]);
      if (desk.sent.length) expect([closed, desk.journal.drafts.size]).toEqual([closed, 0]);
    }
  });

  test("one that was refused as the tab was closed is shown again", async () => {
    const desk = new Desk();
    const trouble = { type: "overQuota", description: "", details: {} };
    await desk.journal.putSending(sending({ state: "failed", trouble }));
    await desk.again();
    expect(desk.failed).toHaveLength(1);
  });

  test("what a tab leaves that is closed, another one takes up", async () => {
    const desk = new Desk();
    const here = desk.open();
    await here.start();
    desk.server.fate = () => "unheard";
    await desk.open().add(sending());
    desk.server.fate = () => "answered";
    desk.locks.clear(); // that tab is gone
    await here.takeUp();
    await desk.settled();
    expect([desk.sent.length, desk.journal.outbox.size]).toEqual([1, 0]);
  });
});

test.each(Array.from({ length: 200 }, (_, i) => i))("whatever is lost, each message goes once (%i)", async (seed) => {
  let a = seed * 7919 + 1;
  const random = () => {
    a = (a * 48271) % 2147483647;
    return a / 2147483647;
  };
  const desk = new Desk();
  desk.server.fate = () => (random() < 0.3 ? "unheard" : random() < 0.4 ? "unanswered" : "answered");
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    const s = sending();
    ids.push(s.id);
    await desk.outbox.add(s);
    if (random() < 0.3) await desk.again();
    if (random() < 0.5) desk.due.shift()?.();
    await desk.settled();
  }
  desk.server.fate = () => "answered";
  await desk.again();
  const texts = desk.sent.map((id) => desk.server.emails.get(id)!.text);
  expect(texts.sort()).toEqual(ids.sort());
  expect(desk.server.emails.size).toBe(5);
});
