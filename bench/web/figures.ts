import { writeFileSync } from "node:fs";

/** As bench/result has it. */
interface Figure {
  name: string;
  unit: string;
  better: "less" | "more";
  value: number;
  samples: number[];
}

const figures: Figure[] = [];

/** Keeps the samples of a figure, whose value is their median. */
export function record(name: string, unit: string, samples: number[], better: Figure["better"] = "less"): void {
  if (samples.length === 0) throw new Error(`${name}: nothing was measured`);
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.floor(sorted.length / 2)]!;
  figures.push({ name, unit, better, value: rounded(value), samples: samples.map(rounded) });
  console.log(`${name}: ${rounded(value)} ${unit} (${rounded(sorted[0]!)} to ${rounded(sorted.at(-1)!)})`);
  if (process.env.FIGURES) writeFileSync(process.env.FIGURES, JSON.stringify(figures));
}

const rounded = (n: number) => Math.round(n * 100) / 100;

export function percentile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))]!;
}
