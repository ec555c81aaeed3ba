import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Opened, open } from "./testing/open";
import { type Args, Refusal } from "./testing/server";

interface Thing {
  id: string;
  name: string;
  more?: Record<string, unknown>;
}

let o: Opened;
let things: Thing[];
let state: number;
let told: { created: string[]; updated: string[]; destroyed: string[] } | null;
let refuse: string | undefined;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  things = [
    { id: "a", name: "one" },
    { id: "b", name: "two" },
  ];
  state = 1;
  told = null;
  refuse = undefined;
  o = await open((s) => {
    s.more.set("Thing/get", ({ ids }) => {
      const list = things.filter((x) => !ids || (ids as string[]).includes(x.id));
      return { state: String(state), list: list.map((x) => ({ ...x })), notFound: [] };
    });
    s.more.set("Thing/changes", () => {
      if (!told) throw new Refusal("cannotCalculateChanges");
      return { ...told, newState: String(state), hasMoreChanges: false };
    });
    s.more.set("Thing/set", set);
  });
});
afterEach(() => {
  o.mail.close();
  vi.useRealTimers();
});

function set(args: Args): Args {
  if (refuse) return { notUpdated: { a: { type: refuse } }, notCreated: { new: { type: refuse } } };
  state++;
  for (const [id, patch] of Object.entries((args.update as Record<string, object>) ?? {}))
    things = things.map((x) => (x.id === id ? { ...x, ...patch } : x));
  for (const object of Object.values((args.create as Record<string, Thing>) ?? {})) things.push({ ...object, id: "c" });
  things = things.filter((x) => !((args.destroy as string[]) ?? []).includes(x.id));
  return { created: { new: { id: "c" } }, updated: {}, destroyed: args.destroy ?? [] };
}

const names = () => o.mail.collection<Thing>("Thing").items.value?.map((x) => x.name);

test("is loaded when it is first read, once", async () => {
  expect(names()).toBeUndefined();
  expect(names()).toBeUndefined();
  await o.wire.settle();
  expect(names()).toEqual(["one", "two"]);
  expect(o.server.called.get("Thing/get")).toBe(1);
});

test("an update is seen at once, and taken back where it is refused", async () => {
  await Promise.all([o.mail.collection<Thing>("Thing").load(), o.wire.settle()]);
  refuse = "forbidden";
  const update = o.mail.collection<Thing>("Thing").update("a", { name: "other" });
  expect(names()).toEqual(["other", "two"]);
  await expect(update).rejects.toMatchObject({ name: "ObjectError", type: "forbidden" });
  expect(names()).toEqual(["one", "two"]);
  refuse = undefined;
  await o.mail.collection<Thing>("Thing").update("a", { name: "other" });
  await o.wire.settle();
  expect(names()).toEqual(["other", "two"]);
});

test("what is made is there, with the id of the server, and what is destroyed is gone", async () => {
  const all = o.mail.collection<Thing>("Thing");
  await Promise.all([all.load(), o.wire.settle()]);
  expect(await all.create({ name: "three" })).toEqual({ id: "c", name: "three" });
  await all.destroy("a");
  await o.wire.settle();
  expect(names()).toEqual(["two", "three"]);
  refuse = "overQuota";
  await expect(all.create({ name: "four" })).rejects.toMatchObject({ type: "overQuota" });
});

test("what another device does is seen: by differences, or all of it anew", async () => {
  await Promise.all([o.mail.collection<Thing>("Thing").load(), o.wire.settle()]);
  things = [
    { id: "b", name: "2" },
    { id: "d", name: "four" },
  ];
  state = 7;
  told = { created: ["d"], updated: ["b"], destroyed: ["a"] };
  o.wire.cut = true;
  await o.mail.refresh().catch(() => {});
  o.wire.cut = false;
  o.mail.connection.retry(); // Connected
  await o.wire.settle();
  expect(names()).toEqual(["2", "four"]);
  told = null;
  things = [{ id: "z", name: "last" }];
  o.wire.cut = true;
  await o.mail.refresh().catch(() => {});
  o.wire.cut = false;
  o.mail.connection.retry();
  await o.wire.settle();
  expect(names()).toEqual(["last"]);
});

test("a singleton is the one object, whatever its patch reaches into", async () => {
  things = [{ id: "singleton", name: "it", more: { deep: 1, other: 2 } }];
  const it = o.mail.singleton<Thing>("Thing");
  await Promise.all([it.load(), o.wire.settle()]);
  const update = it.update({ "more/deep": 5 });
  expect(it.value.value).toEqual({ id: "singleton", name: "it", more: { deep: 5, other: 2 } });
  await update;
});
