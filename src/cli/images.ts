/** PNG and JPEG files as pixels. The decoders are bundled into the packed tool. */
import { FormatError, InputError, ResourceError } from "../errors.ts";

/** Interleaved 8-bit RGBA, rows from the top. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A decoded image takes 4 bytes per pixel, and about four times that while it is decoded. */
const MAX_PIXELS = 64_000_000;

/** @throws FormatError for a broken file, ResourceError for more than 64 million pixels */
export async function decodeImage(bytes: Uint8Array, where: string): Promise<Image> {
  if (isPng(bytes)) return decodePng(bytes, where);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return decodeJpeg(bytes, where);
  throw new FormatError(`${where}: expected a PNG or JPEG file, got other bytes`);
}

function isPng(bytes: Uint8Array): boolean {
  return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, i) => bytes[i] === byte);
}

async function decodePng(bytes: Uint8Array, where: string): Promise<Image> {
  // The first chunk, IHDR, holds width and height at bytes 16 and 20 (PNG specification, 11.2.1).
  if (bytes.length < 24) throw new FormatError(`${where}: expected a PNG header, got its start`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pixels = view.getUint32(16) * view.getUint32(20);
  if (pixels > MAX_PIXELS) throw new ResourceError(`${where}: pixels`, MAX_PIXELS, pixels);
  const { PNG } = await loadDecoder("pngjs", () => import("pngjs"));
  return decode(where, "PNG", () => PNG.sync.read(Buffer.from(bytes)));
}

async function decodeJpeg(bytes: Uint8Array, where: string): Promise<Image> {
  const jpeg = await loadDecoder("jpeg-js", () => import("jpeg-js"));
  const options = {
    useTArray: true,
    formatAsRGBA: true,
    maxResolutionInMP: MAX_PIXELS / 1e6,
    maxMemoryUsageInMB: 1024,
  } as const;
  return decode(where, "JPEG", () => jpeg.decode(bytes, options));
}

async function loadDecoder<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new InputError(`images: expected the package "${name}" to be installed`, { cause });
  }
}

function decode(where: string, kind: string, read: () => Image): Image {
  try {
    const { width, height, data } = read();
    return { width, height, data };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError(`${where}: expected a ${kind} file, got ${reason}`, { cause });
  }
}
