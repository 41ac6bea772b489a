/**
 * A comparison as one self-contained picture: signal to noise of every layer in the network, and of the
 * layer alone, a line per scheme; right answers against the bytes of the weights, a mark per scheme.
 */
import { type CompareReport, MAX_LABEL, type SchemeReport } from "./compare-report.ts";
import { escaped, INK, svgDocument, svgText } from "./svg.ts";

const WIDTH = 1100;
const LEFT = 60;
const RIGHT = 800;
const LEGEND = 825;
const PANEL = 200;
/** Space between panels: a title above, labels below. */
const GAP = 75;

/** Okabe and Ito's colours, which the colour-blind can tell apart; dashes tell further schemes apart. */
const COLORS = [...["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]];
const DASHES = ["", "6 3", "2 3"];

interface Series {
  readonly scheme: SchemeReport;
  readonly color: string;
  readonly dash: string;
}

/** Linear from values to places on the page. */
type Place = (value: number) => number;

export function plotComparison(title: string, { schemes }: CompareReport): string {
  const series = schemes.slice(1).map((scheme, i): Series => {
    const dash = DASHES[Math.floor(i / COLORS.length) % DASHES.length]!;
    return { scheme, color: COLORS[i % COLORS.length]!, dash };
  });
  const tops = [0, 1, 2].map((panel) => 75 + panel * (PANEL + GAP));
  const parts = [
    svgText(LEFT, 30, title, 18),
    ...errorPanel(
      tops[0]!,
      "signal to noise of each layer's output in the network, dB",
      series,
      "sqnrDb",
    ),
    ...errorPanel(tops[1]!, "of the layer alone, from exact inputs, dB", series, "isolatedDb"),
    ...answerPanel(tops[2]!, schemes[0]!, series),
    ...legend(tops[0]!, series),
  ];
  return svgDocument(WIDTH, tops[2]! + PANEL + 55, parts);
}

function errorPanel(
  top: number,
  title: string,
  series: readonly Series[],
  key: "sqnrDb" | "isolatedDb",
): string[] {
  const layers = series[0]?.scheme.layers ?? [];
  const known = series.flatMap(({ scheme }) => scheme.layers.map((layer) => layer[key]));
  const values = known.filter(Number.isFinite);
  const low = Math.min(0, Math.floor(Math.min(...values) / 10) * 10);
  const high = Math.max(10, Math.ceil(Math.max(...values) / 10) * 10);
  const x = between(0, Math.max(layers.length - 1, 1), LEFT + 10, RIGHT - 10);
  const y = between(low, high, top + PANEL, top);
  const every = Math.ceil(layers.length / 20);
  const numbers = layers.map((_, i) => i).filter((i) => i % every === 0);
  return [
    svgText(LEFT, top - 12, title, 13),
    ...frame(top, levels(low, high, 10), y),
    ...numbers.map((i) => svgText(x(i), top + PANEL + 17, String(i + 1), 12, "middle")),
    svgText((LEFT + RIGHT) / 2, top + PANEL + 34, "layer", 12, "middle"),
    ...series.flatMap(({ scheme, color, dash }) => {
      const points = scheme.layers.flatMap(({ name, ...layer }, i) =>
        Number.isFinite(layer[key]) ? [{ name, i, value: layer[key] }] : [],
      );
      const path = points.map(({ i, value }) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`);
      return [
        `<path d="M${path.join("L")}" fill="none" stroke="${color}" stroke-width="1.5" stroke-dasharray="${dash}"/>`,
        ...points.map(({ name, i, value }) =>
          mark(
            x(i),
            y(value),
            2.5,
            color,
            `${scheme.name}, ${i + 1}: ${value.toFixed(1)} dB, ${name.slice(0, MAX_LABEL)}`,
          ),
        ),
      ];
    }),
  ];
}

/** Share of right answers against megabytes of weights; the file is the hollow mark and the broken line. */
function answerPanel(top: number, file: SchemeReport, series: readonly Series[]): string[] {
  const all = [file, ...series.map(({ scheme }) => scheme)];
  const shares = all.map(({ correct, of }) => (100 * correct) / of);
  const most = Math.max(...all.map(({ weightBytes }) => weightBytes)) / 1e6;
  const step = 10 ** Math.floor(Math.log10(most / 2));
  const end = Math.ceil((most * 1.05) / step) * step;
  const x = between(0, end, LEFT, RIGHT);
  const high = Math.min(100, Math.ceil((Math.max(...shares) + 2) / 10) * 10);
  const y = between(0, high, top + PANEL, top);
  const ticks = levels(0, end, step * Math.ceil(end / step / 12));
  const reference = y(shares[0]!).toFixed(1);
  const hollow = `<circle cx="${x(file.weightBytes / 1e6).toFixed(1)}" cy="${reference}" r="6" fill="#ffffff" stroke="${INK}" stroke-width="2"><title>${describe(file)}</title></circle>`;
  return [
    svgText(LEFT, top - 12, "right answers, %; hollow and broken line: the file", 13),
    ...frame(top, levels(0, high, high > 50 ? 20 : 10), y),
    ...ticks.map((mb) =>
      svgText(x(mb), top + PANEL + 17, String(Number(mb.toPrecision(6))), 12, "middle"),
    ),
    svgText((LEFT + RIGHT) / 2, top + PANEL + 34, "weights, MB", 12, "middle"),
    `<path d="M${LEFT} ${reference}H${RIGHT}" stroke="${INK}" stroke-dasharray="3 4"/>`,
    hollow,
    ...series.map(({ scheme, color }) =>
      mark(
        x(scheme.weightBytes / 1e6),
        y((100 * scheme.correct) / scheme.of),
        6,
        color,
        describe(scheme),
      ),
    ),
  ];
}

function describe({ name, correct, of, weightBytes }: SchemeReport): string {
  return escaped(`${name}: ${correct} of ${of}, ${(weightBytes / 1e6).toFixed(2)} MB`);
}

function legend(top: number, series: readonly Series[]): string[] {
  return series.flatMap(({ scheme, color, dash }, i) => {
    const y = top + 10 + 36 * i;
    return [
      `<path d="M${LEGEND} ${y}h24" stroke="${color}" stroke-width="3" stroke-dasharray="${dash}"/>`,
      svgText(LEGEND + 32, y + 4, scheme.name, 12),
      svgText(LEGEND + 32, y + 19, `${scheme.correct} of ${scheme.of}`, 11),
    ];
  });
}

function frame(top: number, marks: readonly number[], y: Place): string[] {
  return [
    ...marks.map(
      (value) => `<path d="M${LEFT} ${y(value).toFixed(1)}H${RIGHT}" stroke="#d0d7de"/>`,
    ),
    ...marks.map((value) => svgText(LEFT - 8, y(value) + 4, String(value), 12, "end")),
    `<path d="M${LEFT} ${top}V${top + PANEL}H${RIGHT}" fill="none" stroke="${INK}"/>`,
  ];
}

function mark(x: number, y: number, radius: number, color: string, title: string): string {
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${color}" fill-opacity="0.8"><title>${escaped(title)}</title></circle>`;
}

function levels(low: number, high: number, step: number): number[] {
  return Array.from(
    { length: Math.floor((high - low) / step + 1e-6) + 1 },
    (_, i) => low + i * step,
  );
}

function between(low: number, high: number, from: number, to: number): Place {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}
