/** Centre and spread of samples. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly p95: number;
  readonly samples: number;
}

/** The value below which the share `q` of the samples lies, linearly between neighbours. */
export function quantile(samples: readonly number[], q: number): number {
  if (samples.length === 0) throw new RangeError("expected samples, got none");
  const sorted = [...samples].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

export function spread(samples: readonly number[]): Spread {
  const min = Math.min(...samples);
  return { median: median(samples), min, p95: quantile(samples, 0.95), samples: samples.length };
}
