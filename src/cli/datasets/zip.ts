/** The files of a ZIP archive, by fflate; every failure is a FormatError. */
import { type UnzipFileInfo, unzipSync } from "fflate";
import { FormatError } from "../../errors.ts";

/** The most that one file may unpack to: a small archive must not fill the memory. */
const MAX_FILE_BYTES = 2 ** 26;

/** The names in the archive, in the order of its directory. @throws FormatError */
export function listZip(archive: Uint8Array, where: string): string[] {
  const names: string[] = [];
  unzip(archive, where, ({ name }) => {
    names.push(name);
    return false;
  });
  return names;
}

/** The named files of the archive. @throws FormatError */
export function readZip(
  archive: Uint8Array,
  names: ReadonlySet<string>,
  where: string,
): ReadonlyMap<string, Uint8Array> {
  const files = unzip(archive, where, ({ name, originalSize }) => {
    if (!names.has(name)) return false;
    if (originalSize <= MAX_FILE_BYTES) return true;
    throw new RangeError(`${name} of ${originalSize} bytes, more than ${MAX_FILE_BYTES}`);
  });
  return new Map(Object.entries(files));
}

function unzip(
  archive: Uint8Array,
  where: string,
  filter: (file: UnzipFileInfo) => boolean,
): Record<string, Uint8Array> {
  try {
    return unzipSync(archive, { filter });
  } catch (cause) {
    throw new FormatError(`${where}: expected a ZIP archive, got ${String(cause)}`, { cause });
  }
}
