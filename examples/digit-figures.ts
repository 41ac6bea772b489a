/** The figures that examples/draw-digits.ts draws, and the hand that each image is drawn with. */

export type Point = readonly [x: number, y: number];

/** Points that a smooth curve (Catmull–Rom) passes through; a doubled point makes a corner. */
export type Stroke = readonly Point[];

/** Figures in a box of width and height 1, y downwards. */
export const FIGURES: Readonly<Record<string, readonly Stroke[]>> = {
  zero: [
    closed([
      [0.5, 0],
      [0.86, 0.22],
      [0.88, 0.62],
      [0.55, 1],
      [0.18, 0.78],
      [0.14, 0.3],
    ]),
  ],
  one: [
    [
      [0.5, 0],
      [0.5, 0.5],
      [0.5, 1],
    ],
  ],
  oneWithFlag: [
    [
      [0.34, 0.2],
      [0.54, 0],
      [0.54, 0],
      [0.52, 0.5],
      [0.5, 1],
    ],
  ],
  two: [
    [
      [0.14, 0.24],
      [0.42, 0.01],
      [0.8, 0.22],
      [0.62, 0.55],
      [0.12, 0.97],
      [0.12, 0.97],
      [0.5, 0.95],
      [0.92, 0.98],
    ],
  ],
  three: [
    [
      [0.16, 0.1],
      [0.5, 0],
      [0.82, 0.2],
      [0.45, 0.46],
      [0.45, 0.46],
      [0.86, 0.68],
      [0.58, 0.98],
      [0.12, 0.9],
    ],
  ],
  four: [
    [
      [0.24, 0.02],
      [0.14, 0.3],
      [0.12, 0.52],
      [0.12, 0.52],
      [0.5, 0.53],
      [0.88, 0.48],
    ],
    [
      [0.78, 0.06],
      [0.74, 0.5],
      [0.7, 1],
    ],
  ],
  five: [
    [
      [0.84, 0.02],
      [0.3, 0.04],
      [0.3, 0.04],
      [0.24, 0.42],
      [0.24, 0.42],
      [0.6, 0.4],
      [0.84, 0.68],
      [0.56, 0.97],
      [0.14, 0.9],
    ],
  ],
  six: [
    [
      [0.7, 0],
      [0.34, 0.3],
      [0.18, 0.7],
      [0.48, 1],
      [0.8, 0.76],
      [0.54, 0.52],
      [0.22, 0.72],
    ],
  ],
  seven: [
    [
      [0.1, 0.06],
      [0.5, 0.05],
      [0.88, 0.04],
      [0.88, 0.04],
      [0.6, 0.5],
      [0.42, 1],
    ],
  ],
  sevenWithBar: [
    [
      [0.12, 0.08],
      [0.5, 0.04],
      [0.86, 0.03],
      [0.86, 0.03],
      [0.62, 0.5],
      [0.46, 1],
    ],
    [
      [0.34, 0.52],
      [0.6, 0.5],
      [0.84, 0.48],
    ],
  ],
  eight: [
    closed([
      [0.5, 0],
      [0.82, 0.2],
      [0.52, 0.46],
      [0.16, 0.76],
      [0.5, 1],
      [0.84, 0.76],
      [0.48, 0.46],
      [0.18, 0.2],
    ]),
  ],
  nine: [
    [
      [0.8, 0.2],
      [0.48, 0],
      [0.2, 0.26],
      [0.46, 0.48],
      [0.8, 0.2],
      [0.8, 0.2],
      [0.76, 0.6],
      [0.62, 1],
    ],
  ],
};

export interface Hand {
  readonly figure: string;
  /** Width over height of the figure's box. */
  readonly aspect: number;
  /** Shift of the top to the right, in heights. */
  readonly slant: number;
  /** Radius of the pen in pixels, at the start and at the end of a stroke. */
  readonly pen: readonly [number, number];
  /** Largest displacement of a control point, in heights. */
  readonly wobble: number;
}

/** One row per image; the file's name begins with the digit. */
export const IMAGES: Readonly<Record<string, Hand>> = {
  "0-round": { figure: "zero", aspect: 0.85, slant: 0.1, pen: [1.3, 1.5], wobble: 0.02 },
  "1-plain": { figure: "one", aspect: 0.4, slant: 0.22, pen: [1.2, 1.4], wobble: 0.015 },
  "1-flag": { figure: "oneWithFlag", aspect: 0.6, slant: 0.05, pen: [1.5, 1.5], wobble: 0.01 },
  "2-wide": { figure: "two", aspect: 0.9, slant: 0.1, pen: [1.2, 1.6], wobble: 0.02 },
  "3-bold": { figure: "three", aspect: 0.75, slant: 0.05, pen: [1.9, 1.7], wobble: 0.02 },
  "4-open": { figure: "four", aspect: 0.8, slant: 0.12, pen: [1.2, 1.3], wobble: 0.02 },
  "5-slanted": { figure: "five", aspect: 0.75, slant: 0.22, pen: [1.4, 1.2], wobble: 0.02 },
  "6-thin": { figure: "six", aspect: 0.75, slant: 0.12, pen: [1, 1.1], wobble: 0.02 },
  "7-plain": { figure: "seven", aspect: 0.75, slant: 0.1, pen: [1.4, 1.2], wobble: 0.02 },
  "7-bar": { figure: "sevenWithBar", aspect: 0.75, slant: 0.08, pen: [1.3, 1.3], wobble: 0.02 },
  "8-leaning": { figure: "eight", aspect: 0.7, slant: 0.2, pen: [1.2, 1.4], wobble: 0.015 },
  "9-upright": { figure: "nine", aspect: 0.7, slant: 0.05, pen: [1.5, 1.3], wobble: 0.02 },
};

/** Repeats the first points so that the curve closes smoothly. */
function closed(points: Stroke): Stroke {
  return [...points, points[0]!, points[1]!];
}
