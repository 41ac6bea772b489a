/**
 * Draws the dozen digit images of examples/digits/: strokes given as control points, bent, slanted and
 * thickened per image, white on black, 28×28, about 20×20 and centred by mass. Deterministic.
 *
 * Usage: node examples/draw-digits.ts
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PNG } from "pngjs";
import { FIGURES, type Hand, IMAGES, type Point, type Stroke } from "./digit-figures.ts";

const SIZE = 28;
/** The longer side of the figure, as in the images that the network was trained on. */
const FIGURE = 20;

/** A dot of the pen: centre and radius in pixels. */
interface Dot {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** Pseudo-random numbers in [−1, 1) from a seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

const STEPS = 24;

/** Points along the uniform Catmull–Rom spline, STEPS per pair of control points. */
function curve(stroke: Stroke): Point[] {
  const at = (i: number) => stroke[Math.min(Math.max(i, 0), stroke.length - 1)]!;
  const blend = (a: number, b: number, c: number, d: number, t: number) =>
    b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  const result: Point[] = [];
  for (let i = 0; i + 1 < stroke.length; i++) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let step = 0; step <= STEPS; step++) {
      const t = step / STEPS;
      result.push([blend(a[0], b[0], c[0], d[0], t), blend(a[1], b[1], c[1], d[1], t)]);
    }
  }
  return result;
}

/** The dots of a figure, scaled so that they fill FIGURE pixels in the longer direction. */
function dotsOf({ figure, aspect, slant, pen, wobble }: Hand, seed: number): Dot[] {
  const random = randomNumbers(seed);
  const dots = FIGURES[figure]!.flatMap((stroke) => {
    const bent = bendPoints(stroke, (value) => value + wobble * random());
    const points = curve(bent);
    return points.map(([x, y], i) => ({
      x: x * aspect + slant * (1 - y),
      y,
      radius: pen[0] + ((pen[1] - pen[0]) * i) / (points.length - 1),
    }));
  });
  const span = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
  const longer = Math.max(span(dots.map(({ x }) => x)), span(dots.map(({ y }) => y)));
  const scale = (FIGURE - 2 * Math.max(...pen)) / longer;
  return dots.map(({ x, y, radius }) => ({ x: x * scale, y: y * scale, radius }));
}

/** Equal neighbours stay equal: a corner stays a corner. */
function bendPoints(stroke: Stroke, bend: (value: number) => number): Stroke {
  const moved = new Map<string, Point>();
  return stroke.map(([x, y]) => {
    const key = `${x} ${y}`;
    const point = moved.get(key) ?? [bend(x), bend(y)];
    moved.set(key, point);
    return point;
  });
}

/** Coverage of every pixel by the dots: 1 inside, 0 outside, a linear edge one pixel wide. */
function paint(dots: readonly Dot[], shiftX: number, shiftY: number): Float64Array {
  const pixels = new Float64Array(SIZE * SIZE);
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      let depth = -Infinity;
      for (const { x, y, radius } of dots) {
        const distance = Math.hypot(column + 0.5 - x - shiftX, row + 0.5 - y - shiftY);
        depth = Math.max(depth, radius - distance);
      }
      pixels[row * SIZE + column] = Math.min(1, Math.max(0, depth + 0.5));
    }
  }
  return pixels;
}

/** Painted twice: the centre of mass of the first picture says where the second one goes. */
function drawCentred(dots: readonly Dot[]): Float64Array {
  const xs = dots.map(({ x }) => x);
  const ys = dots.map(({ y }) => y);
  const middle = (values: readonly number[]) => (Math.max(...values) + Math.min(...values)) / 2;
  const shiftX = SIZE / 2 - middle(xs);
  const shiftY = SIZE / 2 - middle(ys);
  const first = paint(dots, shiftX, shiftY);
  let mass = 0;
  let momentX = 0;
  let momentY = 0;
  first.forEach((value, i) => {
    mass += value;
    momentX += value * ((i % SIZE) + 0.5);
    momentY += value * (Math.floor(i / SIZE) + 0.5);
  });
  return paint(dots, shiftX + SIZE / 2 - momentX / mass, shiftY + SIZE / 2 - momentY / mass);
}

function encode(pixels: Float64Array): Buffer {
  const png = new PNG({ width: SIZE, height: SIZE });
  pixels.forEach((value, i) => {
    png.data.fill(Math.round(255 * value), i * 4, i * 4 + 3);
    png.data[i * 4 + 3] = 255;
  });
  return PNG.sync.write(png, { colorType: 0 });
}

/** The PNG files by name. */
export function drawDigits(): Map<string, Buffer> {
  return new Map(
    Object.entries(IMAGES).map(([name, hand], i) => [
      `${name}.png`,
      encode(drawCentred(dotsOf(hand, i + 1))),
    ]),
  );
}

if (import.meta.main) {
  const folder = fileURLToPath(new URL("digits/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of drawDigits()) writeFileSync(`${folder}${name}`, bytes);
}
