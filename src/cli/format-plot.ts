/**
 * The values of a format as one self-contained SVG: the number line, the magnitudes on a logarithmic
 * line, and the largest relative error between neighbours.
 */
import { type Format, isMinifloat, magnitudesOf } from "../formats/index.ts";
import { INK, svgDocument, svgText as text } from "./svg.ts";

const WIDTH = 960;
const HEIGHT = 470;
const LEFT = 70;
const RIGHT = WIDTH - 50;

const NORMAL = "#1f6feb";
const SUBNORMAL = "#d1242f";

interface Mark {
  readonly x: number;
  readonly color: string;
}

export function plotFormat(format: Format): string {
  const magnitudes = [...(magnitudesOf(format) ?? unsignedValues(format))];
  const positive = magnitudes.filter((value) => value > 0);
  const isSubnormal = (value: number) => isMinifloat(format) && value < format.smallestNormal;
  const color = (value: number) => (isSubnormal(value) ? SUBNORMAL : NORMAL);
  const most = positive.at(-1)!;
  const signs = format.min < 0 ? [-1, 1] : [1];
  const linear = scale(format.min < 0 ? -most : 0, most);
  const first = Math.floor(Math.log2(positive[0]!));
  const last = Math.max(Math.ceil(Math.log2(most)), first + 1);
  const log = scale(first, last);
  const parts = [
    text(LEFT, 28, title(format), 16),
    text(LEFT, 62, "values"),
    ...ticks(
      magnitudes.flatMap((value) =>
        signs.map((sign) => ({ x: linear(sign * value), color: color(value) })),
      ),
      80,
      120,
    ),
    ...axis(120, [
      ...signs.map((sign) => ({ at: linear(sign * most), label: String(sign * most) })),
      { at: linear(0), label: "0" },
    ]),
    text(LEFT, 172, "magnitudes, by their logarithm"),
    ...ticks(
      positive.map((value) => ({ x: log(Math.log2(value)), color: color(value) })),
      190,
      230,
    ),
    ...axis(230, powers(first, last, log)),
    ...errorPanel(positive, log, powers(first, last, log)),
  ];
  return svgDocument(WIDTH, HEIGHT, parts);
}

function unsignedValues(format: Format): number[] {
  return Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
}

function title(format: Format): string {
  if (!isMinifloat(format)) return `${format.name}, ${format.bits} bits`;
  const { name, signed, exponentBits, mantissaBits, bias } = format;
  return `${name}: ${signed ? 1 : 0}-${exponentBits}-${mantissaBits}, bias ${bias}. Blue: normal, red: subnormal`;
}

function scale(low: number, high: number): (value: number) => number {
  return (value) => LEFT + ((value - low) / (high - low)) * (RIGHT - LEFT);
}

/** A line per mark, one path per colour; marks less than a quarter of a pixel apart are one. */
function ticks(marks: readonly Mark[], top: number, bottom: number): string[] {
  const seen = new Map(marks.map(({ x, color }) => [Math.round(x * 4) / 4, color]));
  const width = seen.size > 400 ? 0.25 : 1;
  return [NORMAL, SUBNORMAL].map((wanted) => {
    const own = [...seen].filter(([, color]) => color === wanted);
    const path = own.map(([x]) => `M${x} ${top}V${bottom}`).join("");
    return `<path d="${path}" stroke="${wanted}" stroke-width="${width}"/>`;
  });
}

interface Label {
  readonly at: number;
  readonly label: string;
}

function axis(y: number, labels: readonly Label[]): string[] {
  return [
    `<path d="M${LEFT} ${y}H${RIGHT}" stroke="${INK}"/>`,
    ...labels.map(({ at, label }) => text(at, y + 18, label, 12, "middle")),
  ];
}

/** Labels of powers of two, at most about 16. */
function powers(first: number, last: number, log: (value: number) => number): Label[] {
  const every = Math.ceil((last - first) / 16);
  const labels: Label[] = [];
  for (let exponent = first; exponent <= last; exponent += every) {
    labels.push({ at: log(exponent), label: `2^${exponent}` });
  }
  return labels;
}

/** Half the distance of neighbours over the value in their middle, both axes logarithmic. */
function errorPanel(
  positive: readonly number[],
  log: (value: number) => number,
  labels: readonly Label[],
): string[] {
  const points = positive.slice(1).map((above, i) => {
    const below = positive[i]!;
    return { x: Math.log2((above + below) / 2), y: Math.log2((above - below) / (above + below)) };
  });
  if (points.length === 0) return [];
  const lowest = Math.floor(points.reduce((least, { y }) => Math.min(least, y), 0));
  const top = 300;
  const bottom = 430;
  const place = (y: number) => top + (y / lowest) * (bottom - top);
  const path = new Map(
    points.map(({ x, y }) => [log(x).toFixed(1), `${log(x).toFixed(1)} ${place(y).toFixed(1)}`]),
  );
  const levels = [0, lowest / 2, lowest].filter((level) => Number.isInteger(level));
  return [
    text(LEFT, 282, "largest relative error between neighbours"),
    ...levels.map((level) => text(LEFT - 8, place(level) + 4, `2^${level}`, 12, "end")),
    `<path d="M${LEFT} ${top}V${bottom}" stroke="${INK}"/>`,
    `<path d="M${[...path.values()].join("L")}" fill="none" stroke="${NORMAL}" stroke-width="1.5"/>`,
    ...axis(bottom, labels),
  ];
}
