/** Cuts a matrix product into tiles of work: arithmetic on extents, no machine. */

export interface GemmExtents {
  /** Rows and columns of y, depth in multiply-accumulates. */
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Bytes of one packed row of activations. */
  readonly rowBytes: number;
  /** Rows and columns of a kernel tile. */
  readonly mr: number;
  readonly nr: number;
  /** Bytes of an element of y. */
  readonly elementBytes: number;
  /** Cycles to pack one value of a row; default: to copy and widen it. */
  readonly packCycles?: number;
  /** Cycles of a weight for each block of rows; default: to fetch its byte again. */
  readonly weightCycles?: number;
  /** False: one thread does it all, in one tile. */
  readonly isShared?: boolean;
}

export interface GemmGrid {
  /** Rows and panels of one tile, tiles per row of the grid, tiles in all. */
  readonly tileRows: number;
  readonly tilePanels: number;
  readonly chunks: number;
  readonly tiles: number;
  /** Rows packed at a time: they stay in cache while every panel passes. */
  readonly stripRows: number;
}

/** Chunks end at whole cache lines of y: two threads that write one line wait for each other. */
const LINE_BYTES = 64;

/** Work below which a hand-over to another thread costs more than it saves. */
const SINGLE_TILE_MACS = 200_000;
/** Aim for one tile: 7 µs where the relaxed dot is fast, 20 µs elsewhere. */
const TILE_MACS = 750_000;
/** About 4 tiles per thread for 4 threads. */
const MAX_TILES = 16;
/** Packed activations that share the second-level cache with the panels. */
const STRIP_BYTES = 256 * 1024;
const MIN_STRIP_ROWS = 8;
const MAX_STRIP_ROWS = 64;

/** Cycles to pack one value of a row, and to fetch one byte of weights again from a far cache. */
const PACK_CYCLES = 0.125;
const FETCH_CYCLES = 0.06;

/**
 * The grid whose overhead is least among those with about the right number of tiles: every chunk of
 * panels packs its rows again, every block of rows fetches its weights again.
 */
export function gemmGrid({
  m,
  n,
  k,
  rowBytes,
  mr,
  nr,
  elementBytes,
  packCycles = PACK_CYCLES,
  weightCycles = FETCH_CYCLES,
  isShared = true,
}: GemmExtents): GemmGrid {
  const groups = Math.ceil(m / mr);
  const panels = Math.ceil(n / nr);
  const macs = m * n * k;
  // Pairs: two threads finish together.
  const aim =
    macs < SINGLE_TILE_MACS || !isShared
      ? 1
      : Math.min(2 * Math.max(Math.round(macs / TILE_MACS / 2), 1), MAX_TILES);
  const linePanels = LINE_BYTES / (nr * elementBytes);
  let best = { cost: Infinity, tilePanels: panels, blocks: 1 };
  for (let wanted = 1; wanted <= Math.min(aim, panels); wanted++) {
    const tilePanels = wanted === 1 ? panels : Math.ceil(panels / wanted / linePanels) * linePanels;
    const chunks = Math.ceil(panels / tilePanels);
    const blocks = Math.min(Math.ceil(aim / chunks), groups);
    const missing = aim / Math.min(chunks * blocks, aim);
    const cost = (m * k * chunks * packCycles + n * k * blocks * weightCycles) * missing ** 2;
    if (cost < best.cost) best = { cost, tilePanels, blocks };
  }
  const tileRows = Math.ceil(groups / best.blocks) * mr;
  const { tilePanels } = best;
  const chunks = Math.ceil(panels / tilePanels);
  return {
    tileRows,
    tilePanels,
    chunks,
    tiles: Math.ceil(m / tileRows) * chunks,
    stripRows: stripRows(tileRows, rowBytes, mr),
  };
}

/** Equal strips that fit the cache, multiples of a kernel tile's rows. */
function stripRows(tileRows: number, rowBytes: number, mr: number): number {
  const fitting = Math.floor(STRIP_BYTES / rowBytes);
  const most = Math.min(Math.max(fitting, MIN_STRIP_ROWS), MAX_STRIP_ROWS);
  const strips = Math.ceil(tileRows / most);
  return Math.ceil(tileRows / strips / mr) * mr;
}
