import { effect } from "@preact/signals";
import { expect, test } from "vitest";
import { Preferences } from "./preference";

function shelf(kept: Record<string, string> = {}) {
  return {
    kept,
    getItem: (k: string) => kept[k] ?? null,
    setItem: (k: string, v: string) => {
      kept[k] = v;
    },
    removeItem: (k: string) => {
      delete kept[k];
    },
  };
}

test("a preference is kept, and its default is not", () => {
  const on = shelf();
  const theme = new Preferences(on).choice("theme", ["system", "dark"]);
  theme.set("dark");
  expect(on.kept).toEqual({ "mailmesh.theme": '"dark"' });
  expect(new Preferences(on).choice("theme", ["system", "dark"]).value).toBe("dark");
  theme.set("system");
  expect(on.kept).toEqual({});
});

test.each([
  ["what is not allowed", '"purple"'],
  ["what is no JSON", "{"],
  ["another type", "7"],
])("%s is the default", (_, text) => {
  expect(new Preferences(shelf({ "mailmesh.theme": text })).choice("theme", ["system", "dark"]).value).toBe("system");
});

test("a list of the wrong things is empty", () => {
  const read = (text: string) => new Preferences(shelf({ "mailmesh.recent": text })).texts("recent", 2).value;
  expect(read('["a","b"]')).toEqual(["a", "b"]);
  expect(read('["a",1]')).toEqual([]);
  expect(read('["a","b","c"]')).toEqual([]);
});

test("another tab's change is seen", () => {
  const on = shelf();
  const all = new Preferences(on);
  const flag = all.flag("enterSends", true);
  const seen: boolean[] = [];
  effect(() => {
    seen.push(flag.value);
  });
  on.setItem("mailmesh.enterSends", "false");
  all.changedElsewhere("mailmesh.theme");
  all.changedElsewhere("mailmesh.enterSends");
  on.removeItem("mailmesh.enterSends");
  all.changedElsewhere(null);
  expect(seen).toEqual([true, false, true]);
});

test("without storage it holds until the page is closed", () => {
  const broken = {
    getItem: (): string | null => {
      throw new Error("denied");
    },
    setItem: () => {
      throw new Error("denied");
    },
    removeItem: () => {
      throw new Error("denied");
    },
  };
  const flag = new Preferences(broken).flag("plainText", false);
  flag.set(true);
  expect(flag.value).toBe(true);
});
