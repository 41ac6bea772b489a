/** What the filters of a layer read: rows of real values, for some output positions of each sample. */
import type { Node } from "../graph/index.ts";
import {
  type Conv2DAttributes,
  convGeometry,
  depthwiseConv2D,
  depthwiseGeometry,
  fullyConnected,
  type Operator,
  type WindowGeometry,
} from "../operators/index.ts";
import { elementCount, type TensorType } from "../tensor/index.ts";

/** Rows that are kept of one sample, at most. */
const KEPT_ROWS = 256;
/** And values: so many rows, at least one. */
const KEPT_VALUES = 65_536;

export class InputRows {
  /** Sets of input channels that have filters of their own. */
  readonly groups: number;
  /** Weights of a filter. */
  readonly depth: number;
  /** [groups][depth], in the order of the weights; 0 where a tap lies in the padding. */
  readonly rows: Float32Array[] = [];
  readonly #positions: number;
  readonly #read: (row: Float32Array, values: Float32Array, position: number) => void;
  #samples = 0;

  /**
   * @param node Conv2D, with groups or without, DepthwiseConv2D or FullyConnected
   * @param x what it reads
   * @param w its weights
   */
  constructor({ operator, attributes }: Node, x: TensorType, w: TensorType) {
    const isDepthwise = operator === (depthwiseConv2D as Operator<never>);
    if (operator === (fullyConnected as Operator<never>)) {
      const depth = w.shape[1]!;
      this.groups = 1;
      this.depth = depth;
      this.#positions = elementCount(x.shape) / depth;
      this.#read = (row, values, position) =>
        row.set(values.subarray(position * depth, (position + 1) * depth));
      return;
    }
    const [batch, height, width, channels] = x.shape as [number, number, number, number];
    const own = attributes as unknown as Conv2DAttributes;
    const geometry = (isDepthwise ? depthwiseGeometry : convGeometry)(x, w, own);
    const { output, filter } = geometry;
    const inputs = isDepthwise ? 1 : w.shape[3]!;
    this.groups = channels / inputs;
    this.depth = filter[0] * filter[1] * inputs;
    this.#positions = batch * output[0] * output[1];
    this.#read = windowReader(geometry, [height, width, channels], inputs);
  }

  /** @param values of x, in real numbers: one sample. Positions are taken evenly spread. */
  add(values: Float32Array): void {
    const length = this.groups * this.depth;
    const count = Math.min(this.#positions, KEPT_ROWS, Math.ceil(KEPT_VALUES / length));
    const step = this.#positions / count;
    // Each sample begins elsewhere: a multiple of the golden ratio.
    const phase = (this.#samples++ * 0.618034) % 1;
    // Buffers of their own would keep the garbage collector busy: a tenth of a calibration.
    const matrix = new Float32Array(count * length);
    for (let i = 0; i < count; i++) {
      const row = matrix.subarray(i * length, (i + 1) * length);
      this.#read(row, values, Math.floor((i + phase) * step));
      this.rows.push(row);
    }
  }
}

function windowReader(
  { output, filter, strides, dilations, border }: WindowGeometry,
  [height, width, channels]: readonly [number, number, number],
  inputs: number,
) {
  const depth = filter[0] * filter[1] * inputs;
  return (row: Float32Array, values: Float32Array, position: number): void => {
    const image = Math.floor(position / (output[0] * output[1]));
    const top = (Math.floor(position / output[1]) % output[0]) * strides[0] - border.top;
    const left = (position % output[1]) * strides[1] - border.left;
    for (let tap = 0; tap < filter[0] * filter[1]; tap++) {
      const y = top + Math.floor(tap / filter[1]) * dilations[0];
      const x = left + (tap % filter[1]) * dilations[1];
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const from = ((image * height + y) * width + x) * channels;
      if (inputs === channels) {
        for (let c = 0; c < channels; c++) row[tap * inputs + c] = values[from + c]!;
        continue;
      }
      for (let c = 0; c < channels; c++) {
        const group = Math.floor(c / inputs);
        row[group * depth + tap * inputs + (c % inputs)] = values[from + c]!;
      }
    }
  };
}
