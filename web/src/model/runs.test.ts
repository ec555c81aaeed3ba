import { describe, expect, test } from "vitest";
import { Runs } from "./runs";
import { Random } from "./testing/random";

/** As text: ids where they stand, "." where nothing is known. */
function text(r: Runs, length = 10): string {
  return Array.from({ length }, (_, i) => r.get(i) ?? ".").join("");
}

function of(text: string): Runs {
  const r = new Runs();
  for (const [i, c] of [...text].entries()) if (c !== ".") r.set(i, [c]);
  return r;
}

describe("runs", () => {
  test("pages that touch are one, and what comes later lies over what was there", () => {
    const r = of("ab..ef");
    expect(r.runs.length).toBe(2);
    r.set(1, ["x", "y", "z"]);
    expect(text(r, 7)).toBe("axyzef.");
    expect(r.runs.length).toBe(1);
  });

  test.each([
    ["ab..ef", 1, "axb..ef"],
    ["ab..ef", 2, "abx..ef"], // the neighbour is known
    ["ab..ef", 3, "ab...ef"], // in the gap
    ["ab..ef", 4, "ab..xef"],
    ["ab..ef", 6, "ab..efx"],
    [".b", 0, "..b"],
  ])("into %s, x at %i: %s", (before, at, after) => {
    const r = of(before);
    r.insert(at, "x");
    expect(text(r, after.length)).toBe(after.replace(/^\.\.b$/, "x.b"));
  });

  test("what is taken out is told, and what follows moves up", () => {
    const r = of("ab..ef");
    expect(r.remove(new Set(["b", "e", "q"]))).toEqual(new Set(["b", "e"]));
    expect(text(r, 6)).toBe("a..f..");
  });

  test.each([
    ["ab..ef", 0, 6, [2, 4]],
    ["ab..ef", 0, 2, undefined],
    ["ab..ef", 5, 9, [6, 9]],
    ["..cd", 0, 4, [0, 2]],
  ])("the first gap of %s from %i to %i", (before, from, to, gap) => {
    expect(of(before).gap(from, to)).toEqual(gap);
  });

  test("keep forgets what is far away", () => {
    const r = of("abcdef");
    r.keep(2, 4);
    expect(text(r, 6)).toBe("..cd..");
  });

  test("where all is known, it is an array", () => {
    const random = new Random(7);
    for (let round = 0; round < 200; round++) {
      const want: string[] = [];
      const r = new Runs();
      for (let step = 0; step < 30; step++) {
        if (random.below(3) > 0) {
          const at = random.below(want.length + 1);
          want.splice(at, 0, `${round}-${step}`);
          r.insert(at, `${round}-${step}`);
        } else {
          const gone = new Set([random.of(want) ?? "", random.of(want) ?? ""]);
          for (const id of gone) if (id) want.splice(want.indexOf(id), 1);
          r.remove(gone);
        }
      }
      expect([...r.entries()]).toEqual([...want.entries()]);
    }
  });
});
