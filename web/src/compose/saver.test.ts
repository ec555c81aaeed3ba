import { describe, expect, test } from "vitest";
import { type Draft, emptyDraft } from "./draft";
import { FakeServer } from "./fakeserver";
import { type Entry, type Journal, MemoryJournal } from "./journal";
import { Saver } from "./saver";

const identity = {
  id: "I",
  name: "",
  email: "me@home.org",
  replyTo: null,
  bcc: null,
  textSignature: "",
  htmlSignature: "",
  mayDelete: false,
};

function fresh(text = ""): Entry {
  const draft: Draft = { ...emptyDraft(identity), rich: false, text };
  return { draft, revision: text ? 1 : 0, saved: -1, serverId: null, stale: null, attempt: null, changedAt: 0 };
}

/** What a program has of something, until it ends: then nothing that it asks for happens, and nothing is answered. */
function untilDead<T extends object>(of: T, alive: () => boolean): T {
  const never = () => new Promise(() => {});
  return new Proxy(of, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        if (!alive()) return never();
        const answer = await (value as (...args: unknown[]) => unknown).apply(target, args);
        return alive() ? answer : never();
      };
    },
  });
}

class Desk {
  readonly server = new FakeServer();
  readonly journal = new MemoryJournal();
  program = 0;
  due: (() => void) | undefined;
  saver: Saver;

  constructor(entry = fresh()) {
    this.saver = this.open(entry);
  }

  open(entry: Entry): Saver {
    this.due = undefined;
    const program = ++this.program;
    const alive = () => this.program === program;
    this.saver = new Saver(entry, {
      server: untilDead(this.server, alive),
      journal: untilDead<Journal>(this.journal, alive),
      email: async (d, version) => ({
        messageId: [d.messageId],
        mailboxIds: { D: true },
        keywords: { $draft: true },
        "header:X-Mailmesh-Draft:asText": version,
        text: d.text,
      }),
      later: (_, act) => {
        if (alive()) this.due = act;
        return () => {
          if (this.due === act) this.due = undefined;
        };
      },
    });
    return this.saver;
  }

  type(text: string): void {
    this.saver.change({ ...this.saver.draft, text });
  }

  /** The program ends here, and starts again. */
  async crash(): Promise<void> {
    const [entry] = await this.journal.entries();
    if (entry) this.open(entry);
  }
}

describe("a draft", () => {
  test("is at the server after a pause, in one version", async () => {
    const desk = new Desk();
    desk.type("a");
    desk.type("ab");
    expect(desk.saver.state.value.is).toBe("changed");
    await desk.saver.flush();
    desk.type("abc");
    await desk.saver.flush();
    expect(desk.server.texts).toEqual(["abc"]);
    expect(desk.saver.state.value.is).toBe("saved");
  });

  test("that is empty is not kept", async () => {
    const desk = new Desk();
    desk.type(" ");
    await desk.saver.flush();
    expect(desk.server.texts).toEqual([]);
  });

  test("is in the journal before the server hears of it", async () => {
    const desk = new Desk();
    desk.server.fate = () => "unheard";
    desk.type("a");
    await desk.saver.flush();
    expect(desk.saver.state.value.is).toBe("failed");
    expect((await desk.journal.entries())[0]).toMatchObject({ draft: { text: "a" }, saved: -1 });
    expect(desk.due, "it is tried again").toBeDefined();
  });

  test("whose answer was lost is there once", async () => {
    const desk = new Desk();
    desk.type("a");
    await desk.saver.flush();
    desk.server.fate = () => "unanswered";
    desk.type("ab");
    await desk.saver.flush();
    desk.server.fate = () => "answered";
    await desk.crash();
    await desk.saver.flush();
    expect(desk.server.texts).toEqual(["ab"]);
  });

  test("that was refused is kept here, and what is there stays until the new one is taken", async () => {
    const desk = new Desk();
    desk.type("a");
    await desk.saver.flush();
    desk.server.refuse.email = { type: "overQuota" };
    const file = { id: "f", name: "f", type: "", size: 1, blobId: "B", cid: null };
    desk.saver.change({ ...desk.saver.draft, text: "ab", files: [file] });
    await desk.saver.flush();
    expect(desk.server.texts).toEqual(["a"]);
    expect(desk.saver.state.value).toMatchObject({ is: "failed", why: { type: "overQuota" } });
    desk.server.refuse = {};
    await desk.saver.flush();
    expect(desk.server.texts).toEqual(["ab"]);
  });

  test("says which of its blobs are lost", async () => {
    const lost: string[][] = [];
    const server = new FakeServer();
    server.refuse.email = { type: "blobNotFound", notFound: ["B"] };
    const saver = new Saver(fresh(), {
      server,
      journal: new MemoryJournal(),
      email: async () => ({}),
      later: () => () => {},
      lost: (ids) => lost.push([...ids]),
    });
    saver.change({ ...saver.draft, text: "a" });
    await saver.flush();
    expect(lost).toEqual([["B"]]);
  });

  test("is gone when it is discarded, even a version nobody was told of", async () => {
    const desk = new Desk();
    desk.type("a");
    await desk.saver.flush();
    desk.server.fate = () => "unanswered";
    desk.type("ab");
    await desk.saver.flush();
    desk.server.fate = () => "answered";
    await desk.saver.discard();
    expect([desk.server.texts, await desk.journal.entries()]).toEqual([[], []]);
  });
});

describe("a draft that was changed elsewhere", () => {
  async function both() {
    const desk = new Desk();
    desk.type("a");
    await desk.saver.flush();
    desk.server.elsewhere(desk.saver.serverId!, "theirs");
    desk.type("mine");
    await desk.saver.flush();
    expect(desk.saver.state.value.is).toBe("elsewhere");
    expect(desk.server.texts.sort(), "nothing is lost before the user has said").toEqual(["mine", "theirs"]);
    return desk;
  }

  test("goes on as mine", async () => {
    const desk = await both();
    desk.type("mine too");
    await desk.saver.keepMine();
    expect([desk.server.texts, desk.saver.state.value.is]).toEqual([["mine too"], "saved"]);
  });

  test("goes on as theirs", async () => {
    const desk = await both();
    await desk.saver.takeTheirs({ ...desk.saver.draft, text: "theirs" });
    expect([desk.server.texts, desk.saver.draft.text, desk.saver.state.value.is]).toEqual([
      ["theirs"],
      "theirs",
      "saved",
    ]);
  });

  test("is found when the server tells of it, before anything is typed", async () => {
    const desk = new Desk();
    desk.type("a");
    await desk.saver.flush();
    await desk.saver.look();
    expect(desk.saver.state.value.is).toBe("saved");
    desk.server.elsewhere(desk.saver.serverId!, "theirs");
    await desk.saver.look();
    expect(desk.saver.state.value.is).toBe("elsewhere");
  });

  test("that was deleted there is kept by who writes on", async () => {
    const desk = new Desk();
    desk.type("a");
    await desk.saver.flush();
    desk.server.emails.clear();
    await desk.saver.look();
    expect(desk.saver.state.value.is).toBe("changed");
    desk.type("ab");
    await desk.saver.flush();
    expect([desk.server.texts, desk.saver.state.value.is]).toEqual([["ab"], "saved"]);
  });

  test("that was sent there becomes another message", async () => {
    const desk = new Desk();
    desk.type("a");
    await desk.saver.flush();
    const id = desk.server.elsewhere(desk.saver.serverId!, "a")!;
    desk.server.emails.get(id)!.keywords = {};
    desk.type("ab");
    await desk.saver.flush();
    expect(desk.saver.state.value.is).toBe("sent");
    await desk.saver.keepMine();
    const [first, second] = [...desk.server.emails.values()].map((e) => e.messageId[0]);
    expect(first).not.toBe(second);
  });
});

/** A random number of a seed: a failure can be run again. */
function chance(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ticks = async (n: number) => {
  for (let i = 0; i < n; i++) await Promise.resolve();
};

describe("whatever happens", () => {
  test.each(Array.from({ length: 300 }, (_, i) => i))(
    "nothing is lost, and nothing is there twice (%i)",
    async (seed) => {
      const random = chance(seed);
      const desk = new Desk();
      let last = "";
      desk.server.fate = () => {
        const r = random();
        return r < 0.15 ? "unheard" : r < 0.3 ? "unanswered" : "answered";
      };
      for (let step = 0; step < 25; step++) {
        const r = random();
        if (r < 0.5) {
          last = `text ${step}`;
          desk.type(last);
          // What was typed a moment ago is in the journal: that is what a crash is survived by.
          await desk.saver.journaled();
        } else if (r < 0.7) desk.due?.();
        else if (r < 0.8) await desk.saver.flush();
        else if (r < 0.9)
          await ticks(Math.floor(random() * 30)); // somewhere between two steps
        else {
          await desk.crash();
          if (last) expect(desk.saver.draft.text).toBe(last);
        }
      }
      desk.server.fate = () => "answered";
      await ticks(100); // a request of before the last crash may still be answered
      await desk.crash();
      await desk.saver.flush();
      await desk.saver.flush();
      expect(desk.server.texts).toEqual(last ? [last] : []);
    },
  );
});
