// People, other devices and the network do whatever comes: in the end what is seen is what the server has, and on the way what was
// done is seen at once, as it will be.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Id, Mailbox } from "../jmap";
import { type Opened, open, readAll } from "./testing/open";
import { Random } from "./testing/random";
import { turn } from "./testing/wire";
import type { MailList, Undo } from "./types";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface World extends Opened {
  random: Random;
  lists: MailList[];
  undos: Undo[];
  label: Id;
}

async function world(seed: number): Promise<World> {
  const random = new Random(seed);
  let label = "";
  const o = await open((s) => {
    label = s.box("label");
    for (let i = 0; i < 40; i++) deliver(s, random);
  }, random.next);
  const boxes = [o.server.role("inbox"), o.server.role("archive"), label];
  const specs = [...boxes.map((mailboxId) => ({ mailboxId })), { mailboxId: boxes[0]!, collapseThreads: false }];
  const lists = specs.map((spec) => o.mail.list(spec));
  for (const l of lists) l.window(0, 15);
  await o.wire.settle();
  return { ...o, random, lists, undos: [], label };
}

function deliver(server: Opened["server"], random: Random): void {
  const threads = [...server.now.emails.values()].map((e) => e.threadId!);
  const threadId = random.below(2) ? random.of(threads) : undefined;
  server.deliver({ ...(threadId && { threadId }), keywords: random.below(2) ? { $seen: true } : {} });
}

const emailIds = (w: World) => [...w.server.now.emails.keys()];
const some = (w: World): Id[] => Array.from({ length: 1 + w.random.below(3) }, () => w.random.of(emailIds(w)) ?? "M0");

/** What the person does. */
const acts: ((w: World) => Undo | undefined)[] = [
  (w) => w.mail.do.archive(some(w)),
  (w) => w.mail.do.trash(some(w)),
  (w) => w.mail.do.junk(some(w)),
  (w) => w.mail.do.notJunk(some(w)),
  (w) => w.mail.do.read(some(w)),
  (w) => w.mail.do.unread(some(w)),
  (w) => w.mail.do.star(some(w)),
  (w) => w.mail.do.unstar(some(w)),
  (w) => w.mail.do.addTo(some(w), w.label),
  (w) => w.mail.do.removeFrom(some(w), w.label),
  (w) => w.mail.do.move(some(w), w.server.role("inbox")),
  (w) => (w.random.below(4) ? undefined : w.mail.do.destroy(some(w))),
  (w) => {
    w.random.of(w.undos)?.undo();
    return undefined;
  },
];

/** What happens besides. */
const events: ((w: World) => void)[] = [
  (w) => deliver(w.server, w.random),
  (w) => w.server.change(w.random.of(emailIds(w)) ?? "", (e) => ({ keywords: { ...e.keywords, $flagged: true } })),
  (w) => w.server.change(w.random.of(emailIds(w)) ?? "", () => ({ mailboxIds: { [w.server.role("inbox")]: true } })),
  (w) => w.server.change(w.random.of(emailIds(w)) ?? "", () => ({ mailboxIds: { [w.server.role("trash")]: true } })),
  (w) => w.server.change(w.random.of(emailIds(w)) ?? "", undefined),
  (w) => void w.server.locked.add(w.random.of(emailIds(w)) ?? ""),
  (w) => w.server.locked.clear(),
  (w) => {
    const from = w.random.below(40);
    w.random.of(w.lists)!.window(from, from + 15);
  },
  (w) => {
    w.mail.refresh().catch(() => {});
  },
  (w) => {
    if (w.random.below(10) === 0) w.server.oldest = Number(w.server.state);
  },
];

/** What becomes of requests. */
function network(w: World): void {
  const one = w.random.of(w.wire.sent);
  if (!one) return;
  const what = w.random.below(10);
  if (what < 3) w.wire.arrive(one);
  else if (what < 9) w.wire.answer(one);
  else w.wire.lose(one);
}

async function comeToRest(w: World): Promise<void> {
  w.server.locked.clear();
  for (let i = 0; i < 20; i++) {
    w.mail.connection.retry();
    await w.wire.settleInTime();
    if (w.mail.pending.value === 0 && w.mail.connection.status.value === "online") break;
  }
  await Promise.all([w.mail.refresh(), w.wire.settle()]);
  await w.wire.settle();
}

const counts = (all: readonly Mailbox[]) =>
  Object.fromEntries(all.map((m) => [m.name, [m.totalEmails, m.unreadEmails, m.totalThreads, m.unreadThreads]]));

async function agree(w: World): Promise<void> {
  expect(w.mail.pending.value).toBe(0);
  expect(counts(w.mail.mailboxes.value)).toEqual(counts(w.server.mailboxes()));
  for (const list of w.lists) {
    const want = w.server.find({ inMailbox: list.spec.mailboxId! }, list.spec.collapseThreads ?? true);
    expect(list.total.value).toBe(want.length);
    const rows = await readAll(list, w.wire);
    expect(rows.map((r) => r.emailId)).toEqual(want);
    for (const r of rows) expect(r.email).toMatchObject(pick(w.server.now.emails.get(r.emailId)!));
  }
}

const pick = (e: { keywords?: unknown; mailboxIds?: unknown }) => ({ keywords: e.keywords, mailboxIds: e.mailboxIds });

describe("whatever happens", () => {
  test.each(Array.from({ length: 15 }, (_, i) => i + 1))(
    "what is seen in the end is what the server has (%i)",
    async (seed) => {
      const w = await world(seed);
      w.wire.flows = false;
      for (let step = 0; step < 120; step++) {
        const what = w.random.below(10);
        if (what < 3) {
          const undo = w.random.of(acts)!(w);
          if (undo) w.undos.push(undo);
        } else if (what < 5) w.random.of(events)!(w);
        else network(w);
        if (w.random.below(2)) await turn();
        for (const l of w.lists) expect(l.total.value ?? 0).toBeGreaterThanOrEqual(0);
      }
      await comeToRest(w);
      await agree(w);
      w.mail.close();
    },
  );
});

describe("what was done, while nothing else happens,", () => {
  test.each(Array.from({ length: 8 }, (_, i) => i + 1))("is seen at once as it will be (%i)", async (seed) => {
    const w = await world(seed);
    for (const l of w.lists) await readAll(l, w.wire); // all is known
    for (let round = 0; round < 8; round++) {
      w.wire.flows = false;
      for (let i = 0; i <= w.random.below(4); i++) {
        const undo = w.random.of(acts)!(w);
        if (undo) w.undos.push(undo);
      }
      const before = { counts: counts(w.mail.mailboxes.value), totals: w.lists.map((l) => l.total.value) };
      await comeToRest(w);
      expect({ counts: counts(w.mail.mailboxes.value), totals: w.lists.map((l) => l.total.value) }).toEqual(before);
      await agree(w);
    }
    w.mail.close();
  });
});
