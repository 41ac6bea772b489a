/**
 * A newcomer's first minute: classifies the drawn digits of examples/digits/ with the network of
 * models/, and prints picture, answer, probabilities, time per inference and memory.
 *
 * Usage: npm start
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dequantize, load } from "bitlane";
import { PNG } from "pngjs";

const folder = new URL("digits/", import.meta.url);
const model = await load(fileURLToPath(new URL("../models/digits_int8.tflite", import.meta.url)));
const [input, output] = [model.inputs[0]!, model.outputs[0]!];
console.log(`${input.dtype}[${input.shape.join(", ")}] on ${model.threads} thread(s)\n`);

const files = readdirSync(folder)
  .filter((file) => file.endsWith(".png"))
  .sort();
const times: number[] = [];
let right = 0;
for (const file of files) {
  const { data, width } = PNG.sync.read(readFileSync(new URL(file, folder)));
  // The pixels are the codes: scale 1/255, zero point 0.
  const pixels = Uint8Array.from({ length: data.length / 4 }, (_, i) => data[i * 4]!);

  const start = performance.now();
  const results = await model.run({ [input.name]: pixels });
  times.push(performance.now() - start);

  const probabilities = [...dequantize(output, results[output.name]!)];
  const answer = probabilities.indexOf(Math.max(...probabilities));
  const isRight = String(answer) === file[0];
  if (isRight) right++;
  console.log(beside(picture(pixels, width), [file, "", ...bars(probabilities, answer)]));
  console.log(`${isRight ? "right" : "WRONG"}: ${answer}, in ${times.at(-1)!.toFixed(2)} ms\n`);
}

const { totalBytes, weightBytes, arenaBytes } = model.memory();
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
console.log(`${right} of ${files.length} right`);
console.log(
  `time   ${median.toFixed(2)} ms per inference (median), ${times[0]!.toFixed(2)} ms first`,
);
console.log(
  `memory ${kilobytes(totalBytes)}: ${kilobytes(weightBytes)} of weights, ${kilobytes(arenaBytes)} of arena`,
);
await model.dispose();
process.exitCode = right === files.length ? 0 : 1;

/** Two rows of pixels per line of text: upper and lower half blocks in 24 shades of grey. */
function picture(pixels: Uint8Array, width: number): string[] {
  const lines: string[] = [];
  for (let row = 0; row < pixels.length / width; row += 2) {
    let line = "";
    for (let column = 0; column < width; column++) {
      const upper = pixels[row * width + column]!;
      const lower = pixels[(row + 1) * width + column] ?? 0;
      line += process.stdout.isTTY ? shaded(upper, lower) : blocks(upper, lower);
    }
    lines.push(process.stdout.isTTY ? `${line}\u001b[0m` : line);
  }
  return lines;
}

/** The upper half block in the upper pixel's grey, on the lower pixel's. */
function shaded(upper: number, lower: number): string {
  // Greys are the colours 232 (black) to 255 (white) of the 256-colour terminal.
  const grey = (value: number) => 232 + Math.round((value / 255) * 23);
  return `\u001b[38;5;${grey(upper)};48;5;${grey(lower)}m▀`;
}

function blocks(upper: number, lower: number): string {
  return " ▀▄█"[(upper > 127 ? 1 : 0) + (lower > 127 ? 2 : 0)]!;
}

/** One line per digit: probability as number and bar. */
function bars(probabilities: readonly number[], answer: number): string[] {
  return probabilities.map((probability, digit) => {
    const bar = "█".repeat(Math.round(probability * 20));
    return `${digit === answer ? ">" : " "} ${digit} ${probability.toFixed(3)} ${bar}`.trimEnd();
  });
}

/** The right column starts below the top edge of the picture. */
function beside(left: readonly string[], right: readonly string[]): string {
  return left.map((line, i) => `${line}  ${right[i - 1] ?? ""}`.trimEnd()).join("\n");
}
