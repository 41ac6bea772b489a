/** ResizeBilinear: positions and weights of every row and column as tables, by the rule of rounding. */
import {
  floatPositions,
  integerPositions,
  type LinearPositions,
  type ResizeAttributes,
  weightBits,
} from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

const KERNELS: Readonly<Record<string, string>> = {
  int8: "resize_bilinear_i8",
  uint8: "resize_bilinear_u8",
  float32: "resize_bilinear_f32",
};

/** Bytes of one table entry: two offsets and a weight. */
const ENTRY_BYTES = 12;
/** About 20 µs in values of the result. */
const TILE_VALUES = 16 * 1024;

export function lowerResizeBilinear(context: LowerContext, attributes: ResizeAttributes): boolean {
  const x = context.inputs[0]!;
  const y = context.outputs[0]!;
  const kernel = KERNELS[x.format.name];
  if (kernel === undefined || elementCount(y.shape) === 0) return false;
  const [images, h, w, channels] = x.shape as [number, number, number, number];
  const [height, width] = attributes.size;
  const isFloat = x.format.name === "float32";
  const { rounding } = context;
  const positions = (from: number, to: number): LinearPositions =>
    isFloat
      ? floatPositions(from, to, attributes)
      : integerPositions(from, to, attributes, rounding);
  const table = (label: string, count: number, at: LinearPositions, stepBytes: number) =>
    context.addConstant(label, count * ENTRY_BYTES, (target) => {
      const view = new DataView(target.buffer, target.byteOffset);
      for (let i = 0; i < count; i++) {
        const { low, high, weight } = at(i);
        view.setInt32(i * ENTRY_BYTES, low * stepBytes, true);
        view.setInt32(i * ENTRY_BYTES + 4, high * stepBytes, true);
        if (isFloat) view.setFloat32(i * ENTRY_BYTES + 8, weight, true);
        else view.setInt32(i * ENTRY_BYTES + 8, weight, true);
      }
    });
  const pixelBytes = channels * (x.format.bits / 8);
  const { tileRows, tiles } = splitRows(images * height, width * channels, TILE_VALUES);
  context.step({
    kernel,
    fields: {
      x: context.input(0),
      y: context.output(0),
      rows: table("rows", height, positions(h, height), w * pixelBytes),
      columns: table("columns", width, positions(w, width), pixelBytes),
      images,
      imageBytes: h * w * pixelBytes,
      height,
      width,
      channels,
      weightBits: weightBits(rounding),
      tiesAway: rounding === "tflite-reference" ? -1 : 0,
      tileRows,
    },
    tiles,
    note: `${h}x${w} to ${height}x${width}`,
  });
  return true;
}
