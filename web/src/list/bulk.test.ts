import { expect, test, vi } from "vitest";
import type { Actions, Mail } from "../model";
import { doWith, progress } from "./bulk";

const told = vi.hoisted(() => [] as { text: string; undo?: () => void }[]);
vi.mock("../ui", () => ({ toast: (what: { text: string }) => told.push(what), announce: () => {} }));

function fake(refuse = -1) {
  const calls: { quiet: boolean; ids: number; undone: boolean }[] = [];
  const actions = (quiet: boolean) =>
    ({
      archive(ids: readonly string[]) {
        const call = { quiet, ids: ids.length, undone: false };
        const done = calls.push(call) - 1 === refuse ? Promise.reject(new Error("no")) : Promise.resolve();
        done.catch(() => {});
        const undo = () => {
          call.undone = true;
        };
        return { done, undo };
      },
    }) as unknown as Actions;
  const mail = { do: { ...actions(false), quietly: actions(true) } } as unknown as Mail;
  return { mail, calls };
}

const ids = (n: number) => Array.from({ length: n }, (_, i) => `M${i}`);
const archive = (a: Actions, some: readonly string[]) => a.archive(some);

test("a few are done at once, and told of by the model", async () => {
  const { mail, calls } = fake();
  await doWith(mail, ids(30), archive);
  await doWith(mail, [], archive);
  expect(calls).toEqual([{ quiet: false, ids: 30, undone: false }]);
  expect(told).toEqual([]);
});

test("many are done in pieces, told of once, and undone as one", async () => {
  const { mail, calls } = fake();
  const seen: number[] = [];
  const leave = progress.subscribe((p) => p && seen.push(p.done));
  await doWith(mail, ids(2_500), archive);
  leave();
  expect(calls.map((c) => [c.quiet, c.ids])).toEqual([
    [true, 1000],
    [true, 1000],
    [true, 500],
  ]);
  expect(seen).toEqual([0, 1000, 2000]);
  expect(progress.value).toBe(null);
  expect(told).toHaveLength(1);
  told.pop()!.undo!();
  expect(calls.every((c) => c.undone)).toBe(true);
});

test("what is refused ends it, and what was done can be undone", async () => {
  const { mail, calls } = fake(1);
  await doWith(mail, ids(5_000), archive);
  expect(calls).toHaveLength(2);
  told.pop()!.undo!();
  expect(calls.map((c) => c.undone)).toEqual([true, false]);
});

test("it is stopped between two pieces", async () => {
  const { mail, calls } = fake();
  const leave = progress.subscribe((p) => p && p.done === 1000 && p.stop());
  await doWith(mail, ids(5_000), archive);
  leave();
  expect(calls).toHaveLength(2);
  told.pop();
});
