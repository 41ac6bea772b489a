/**
 * Activations of 4 bits or fewer as tables of sums: 16 bytes hold the sums of the subsets of four
 * activations of one row, so that four weight bits are an index into them.
 *
 *     a0 a1 a2 a3  →   0 │ a0 │ a1 │ a0+a1 │ a2 │ … │ a0+a1+a2+a3
 */

/** Bytes of one table. */
export const TABLE: usize = 16;

/** How a module looks up: `Lookup` classes are never allocated. */
@unmanaged
export class Swizzle {

  @inline
  of(table: v128, index: v128): v128 {
    return i8x16.swizzle(table, index);
  }
}

/** Rows of codes, `stride` bytes apart, → a table for each of their units of four. */
export function buildTables<L>(
  units: i32,
  strip: usize,
  stride: usize,
  rows: i32,
  tables: usize,
): void {
  const lookup = changetype<L>(0);
  const first = i8x16(-1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0);
  const second = i8x16(-1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1);
  const third = i8x16(-1, -1, -1, -1, 2, 2, 2, 2, -1, -1, -1, -1, 2, 2, 2, 2);
  const fourth = i8x16(-1, -1, -1, -1, -1, -1, -1, -1, 3, 3, 3, 3, 3, 3, 3, 3);
  for (let i = 0; i < rows; i++) {
    let row = strip;
    for (const end = row + <usize>units * 4; row < end; row += 4) {
      const x = v128.load32_splat(row);
      const low = i8x16.add(lookup.of(x, first), lookup.of(x, second));
      const high = i8x16.add(lookup.of(x, third), lookup.of(x, fourth));
      v128.store(tables, i8x16.add(low, high));
      tables += TABLE;
    }
    strip += stride;
  }
}
