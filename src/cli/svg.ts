/** Pieces of the pictures that commands draw: SVG without anything from outside the file. */
import { writeFile } from "node:fs/promises";
import { fileError, UsageError } from "./command.ts";

/** Axes and words. */
export const INK = "#57606a";

export function svgText(
  x: number,
  y: number,
  content: string,
  size = 12,
  anchor: "start" | "middle" | "end" = "start",
): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" text-anchor="${anchor}" fill="${INK}">${escaped(content)}</text>`;
}

export function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** A whole picture on white. */
export function svgDocument(width: number, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** @throws UsageError a name that ends neither in .svg nor in .html */
export function checkPlotName(file: string): void {
  if (/\.(svg|html)$/.test(file)) return;
  throw new UsageError(`--plot: expected a file .svg or .html, got "${file}"`);
}

/** Writes a picture as it is, or as a page that holds it. @throws InputError */
export async function writePlot(file: string, title: string, svg: string): Promise<void> {
  checkPlotName(file);
  const page = `<!doctype html>\n<meta charset="utf-8">\n<title>${escaped(title)}</title>\n${svg}`;
  try {
    await writeFile(file, file.endsWith(".svg") ? svg : page);
  } catch (cause) {
    throw fileError(file, "a file that can be written", cause);
  }
}
