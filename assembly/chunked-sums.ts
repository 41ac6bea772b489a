/**
 * The loops over the products of a chunk: four rows of four sums in registers. `sums`: four vectors in
 * memory, before and after. `a`: four vectors for each k.
 */
import { Accumulator, addNearest, addWide, FOUR } from "./accumulator";


@inline
function add(c: v128, x: v128, least: v128, magic: v128, isWide: bool): v128 {
  return isWide ? addWide(c, x, least, magic) : addNearest(c, x, magic);
}

/** Adds products k … stop − 1 in short, up to the first that has to be rounded in full: its k, or `stop`. */
@inline
export function addShort(
  p: Accumulator,
  sums: usize,
  a: usize,
  w: usize,
  k: i32,
  stop: i32,
  isWide: bool,
): i32 {
  const accumulator = changetype<usize>(p);
  const least = v128.load32_splat(accumulator, offsetof<Accumulator>("leastExponent"));
  const magic = v128.load32_splat(accumulator, offsetof<Accumulator>("magic"));
  const limit = v128.load32_splat(accumulator, offsetof<Accumulator>("limit"));
  let c0 = v128.load(sums);
  let c1 = v128.load(sums, 16);
  let c2 = v128.load(sums, 32);
  let c3 = v128.load(sums, 48);
  for (; k < stop; k++) {
    const b = v128.load(w);
    const y0 = add(c0, f32x4.mul(v128.load(a), b), least, magic, isWide);
    const y1 = add(c1, f32x4.mul(v128.load(a, 16), b), least, magic, isWide);
    const y2 = add(c2, f32x4.mul(v128.load(a, 32), b), least, magic, isWide);
    const y3 = add(c3, f32x4.mul(v128.load(a, 48), b), least, magic, isWide);
    const most = i32x4.max_u(
      i32x4.max_u(i32x4.shl(y0, 1), i32x4.shl(y1, 1)),
      i32x4.max_u(i32x4.shl(y2, 1), i32x4.shl(y3, 1)),
    );
    if (v128.any_true(i32x4.gt_u(most, limit))) break;
    c0 = y0;
    c1 = y1;
    c2 = y2;
    c3 = y3;
    a += FOUR;
    w += 16;
  }
  v128.store(sums, c0);
  v128.store(sums, c1, 16);
  v128.store(sums, c2, 32);
  v128.store(sums, c3, 48);
  return k;
}

/** Like `addShort`, rounded by draws, which lie `FOUR` bytes apart for the rows. */
@inline
export function addDrawn(
  p: Accumulator,
  sums: usize,
  a: usize,
  w: usize,
  k: i32,
  stop: i32,
  draws: usize,
): i32 {
  const accumulator = changetype<usize>(p);
  const limit = v128.load32_splat(accumulator, offsetof<Accumulator>("limit"));
  const least = v128.load32_splat(accumulator, offsetof<Accumulator>("least"));
  const tail = v128.load32_splat(accumulator, offsetof<Accumulator>("tail"));
  const one = i32x4.splat(1);
  const near = v128.xor(tail, one);
  const shift = p.drawShift;
  let draw = draws + (((k & 3) as usize) << 4);
  let c0 = v128.load(sums);
  let c1 = v128.load(sums, 16);
  let c2 = v128.load(sums, 32);
  let c3 = v128.load(sums, 48);
  for (; k < stop; k++) {
    const b = v128.load(w);
    const s0 = f32x4.add(c0, f32x4.mul(v128.load(a), b));
    const s1 = f32x4.add(c1, f32x4.mul(v128.load(a, 16), b));
    const s2 = f32x4.add(c2, f32x4.mul(v128.load(a, 32), b));
    const s3 = f32x4.add(c3, f32x4.mul(v128.load(a, 48), b));
    const y0 = i32x4.add(s0, i32x4.sub(tail, i32x4.shr_u(v128.load(draw), shift)));
    const y1 = i32x4.add(s1, i32x4.sub(tail, i32x4.shr_u(v128.load(draw, 64), shift)));
    const y2 = i32x4.add(s2, i32x4.sub(tail, i32x4.shr_u(v128.load(draw, 128), shift)));
    const y3 = i32x4.add(s3, i32x4.sub(tail, i32x4.shr_u(v128.load(draw, 192), shift)));
    const nearest = i32x4.min_u(
      i32x4.min_u(v128.and(i32x4.add(y0, one), near), v128.and(i32x4.add(y1, one), near)),
      i32x4.min_u(v128.and(i32x4.add(y2, one), near), v128.and(i32x4.add(y3, one), near)),
    );
    const d0 = i32x4.shl(s0, 1);
    const d1 = i32x4.shl(s1, 1);
    const d2 = i32x4.shl(s2, 1);
    const d3 = i32x4.shl(s3, 1);
    const most = i32x4.max_u(i32x4.max_u(d0, d1), i32x4.max_u(d2, d3));
    const fewest = i32x4.min_u(
      i32x4.min_u(i32x4.sub(d0, one), i32x4.sub(d1, one)),
      i32x4.min_u(i32x4.sub(d2, one), i32x4.sub(d3, one)),
    );
    const isLong = v128.or(
      i32x4.eq(nearest, i32x4.splat(0)),
      v128.or(i32x4.gt_u(most, limit), i32x4.lt_u(fewest, least)),
    );
    if (v128.any_true(isLong)) break;
    c0 = v128.andnot(y0, tail);
    c1 = v128.andnot(y1, tail);
    c2 = v128.andnot(y2, tail);
    c3 = v128.andnot(y3, tail);
    a += FOUR;
    w += 16;
    draw += 16;
  }
  v128.store(sums, c0);
  v128.store(sums, c1, 16);
  v128.store(sums, c2, 32);
  v128.store(sums, c3, 48);
  return k;
}
