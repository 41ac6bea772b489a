/** The files of a ZIP archive (APPNOTE.TXT 6.3.10): stored or deflated, no ZIP64, no encryption. */
import { crc32, inflateRawSync } from "node:zlib";
import { FormatError } from "../../errors.ts";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;

export interface ZipEntry {
  readonly name: string;
  /** @throws FormatError for damaged data */
  read(): Uint8Array;
}

/** The entries of the central directory, in its order. @throws FormatError */
export function readZip(archive: Uint8Array, where: string): ZipEntry[] {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  try {
    const end = findEnd(view);
    const entries: ZipEntry[] = [];
    let at = view.getUint32(end + 16, true);
    for (let left = view.getUint16(end + 10, true); left > 0; left--) {
      if (view.getUint32(at, true) !== ENTRY) throw new RangeError(`no entry at byte ${at}`);
      const nameBytes = view.getUint16(at + 28, true);
      const name = new TextDecoder().decode(
        archive.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes),
      );
      const header = at;
      entries.push({ name, read: () => readEntry(archive, view, header, `${where}: ${name}`) });
      at += ENTRY_BYTES + nameBytes;
      at += view.getUint16(header + 30, true) + view.getUint16(header + 32, true);
    }
    return entries;
  } catch (cause) {
    throw new FormatError(`${where}: expected a ZIP archive, got ${String(cause)}`, { cause });
  }
}

/** The end record, before a comment of up to 65,535 bytes. */
function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_BYTES - 0xffff);
  for (let at = view.byteLength - END_BYTES; at >= first; at--) {
    if (view.getUint32(at, true) === END) return at;
  }
  throw new RangeError("no end of a central directory");
}

function readEntry(archive: Uint8Array, view: DataView, header: number, where: string): Uint8Array {
  try {
    const packedBytes = view.getUint32(header + 20, true);
    const local = view.getUint32(header + 42, true);
    const start =
      local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const packed = archive.subarray(start, start + packedBytes);
    const method = view.getUint16(header + 10, true);
    if (method !== STORED && method !== DEFLATED) throw new RangeError(`method ${method}`);
    const bytes = view.getUint32(header + 24, true);
    // The stated size bounds the memory: a small archive cannot become a large file.
    const maxOutputLength = Math.max(1, bytes);
    const data = method === DEFLATED ? inflateRawSync(packed, { maxOutputLength }) : packed;
    if (data.length !== bytes) throw new RangeError(`${data.length} bytes, stated ${bytes}`);
    if (crc32(data) !== view.getUint32(header + 16, true)) throw new RangeError("a wrong CRC-32");
    return data;
  } catch (cause) {
    throw new FormatError(`${where}: expected a file in the archive, got ${String(cause)}`, {
      cause,
    });
  }
}
