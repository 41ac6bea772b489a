/** Sums of products of what the weights of a filter read: most of what a covariance costs. */

/**
 * Σ over rows of x[k] · x[l].
 * @param first k and l are first … first + n − 1
 * @returns [n][n], its lower triangle
 */
export function sumOfProducts(
  rows: readonly Float32Array[],
  first: number,
  n: number,
): Float64Array {
  const sums = new Float64Array(n * n);
  // Half of what lies behind a ReLU is 0: such rows are added without, others four at a time.
  const places = new Int32Array(n);
  const values = new Float64Array(n);
  const full = new Float64Array(4 * n);
  let waiting = 0;
  for (const row of rows) {
    let count = 0;
    for (let k = 0; k < n; k++) {
      const value = row[first + k]!;
      if (value === 0) continue;
      places[count] = k;
      values[count++] = value;
    }
    if (count <= n / 2) {
      addSparseRow(sums, n, places, values, count);
      continue;
    }
    for (let k = 0; k < n; k++) full[waiting * n + k] = row[first + k]!;
    waiting = (waiting + 1) % 4;
    if (waiting === 0) addFourRows(sums, n, full);
  }
  full.fill(0, waiting * n);
  addFourRows(sums, n, full);
  return sums;
}

function addSparseRow(
  sums: Float64Array,
  n: number,
  places: Int32Array,
  values: Float64Array,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const line = places[i]! * n;
    const value = values[i]!;
    for (let j = 0; j <= i; j++) sums[line + places[j]!]! += value * values[j]!;
  }
}

/** @param rows [4][n] */
function addFourRows(sums: Float64Array, n: number, rows: Float64Array): void {
  for (let k = 0; k < n; k++) {
    const a = rows[k]!;
    const b = rows[n + k]!;
    const c = rows[2 * n + k]!;
    const d = rows[3 * n + k]!;
    const line = k * n;
    for (let l = 0; l <= k; l++) {
      sums[line + l]! +=
        a * rows[l]! + b * rows[n + l]! + (c * rows[2 * n + l]! + d * rows[3 * n + l]!);
    }
  }
}
