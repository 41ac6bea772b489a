/**
 * Grid tiles of kernels that multiply rows of bytes: rows as they lie, or windows, strip by strip. `S` says
 * how a strip is multiplied by panels, by a method `sweep`; it is never allocated.
 */
import { ConvParameters } from "./conv";
import { gatherBytes } from "./conv-dot";
import { GemmParameters } from "./gemm";
import { packBytes, rowBytes } from "./byte-rows";
import { NR, stripOf } from "./grid";

/** Rows that lie `xStride` bytes apart, read where they are unless X flips them. */
@inline
export function gemmBytes<X, S>(p: GemmParameters, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const isRaw = changetype<X>(0).isRaw();
  const stride = isRaw ? <usize>p.xStride : rowBytes(p);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    packBytes<X>(p, row, rows, scratch);
    const strip = isRaw ? p.x + <usize>row * stride : stripOf(p, scratch);
    changetype<S>(0).sweep(p, strip, stride, rows, firstPanel, lastPanel, scratch);
  }
}

/** Windows of an image, copied. */
@inline
export function convBytes<X, S>(p: ConvParameters, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const strip = stripOf(p, scratch);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    gatherBytes<X>(p, row, rows, scratch);
    changetype<S>(0).sweep(p, strip, rowBytes(p), rows, firstPanel, lastPanel, scratch);
  }
}
