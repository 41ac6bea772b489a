/**
 * The least x ≥ 0 with low ≤ a · x mod m ≤ high, by Euclid's algorithm; undefined: there is none.
 * All integers, 0 ≤ a < m, 0 < low ≤ high < m; exact while m · x is below 2^53.
 */
export function leastInRange(a: number, m: number, low: number, high: number): number | undefined {
  if (a === 0) return undefined;
  const steps = Math.ceil(low / a);
  if (steps * a <= high) return steps;
  // a · x is in the range of some multiple of m: m · y ≡ −(low … high) modulo a, where y is the least.
  const rest = leastInRange(m % a, a, a - (high % a), a - (low % a));
  return rest === undefined ? undefined : Math.ceil((low + m * rest) / a);
}
