/** A server for the page: its bundle, the rivals' modules and files, the models. */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Rival } from "../rival.ts";
import { PAGE_PATHS } from "./page-paths.ts";

const bench = fileURLToPath(new URL("../..", import.meta.url));

const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cache-Control": "no-store",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>rivals</title>
<link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`;

export interface PageServer {
  readonly origin: string;
  /** Lets the page read a file; the path that it reads it at. */
  share(file: string): string;
  close(): Promise<void>;
}

/** Path and text of every file of the page, with the rivals bundled as an application would. */
export async function bundleForPage(rivals: readonly Rival[]): Promise<Map<string, string>> {
  const files = new Map([["/", PAGE]]);
  const bundled: Record<string, string> = {};
  for (const [name, { from, bundle: wanted }] of rivals.flatMap((r) => Object.entries(r.modules))) {
    if (wanted) bundled[name] = from;
    else
      files.set(
        `${PAGE_PATHS.modules}${name}.js`,
        `export * from "${PAGE_PATHS.packages}${from}";`,
      );
  }
  await bundle({ page: "./rivals/harness/page.ts" }, "/", files);
  await bundle(bundled, PAGE_PATHS.modules, files);
  return files;
}

/** Entries share what they have in common: there is one tfjs-core. */
async function bundle(
  entryPoints: Readonly<Record<string, string>>,
  outdir: string,
  files: Map<string, string>,
): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: { ...entryPoints },
    outdir,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    external: ["node:*"],
    write: false,
    logLevel: "error",
    absWorkingDir: bench,
  });
  for (const { path, text } of outputFiles) files.set(path, text);
}

export async function servePage(files: ReadonlyMap<string, string>): Promise<PageServer> {
  const shared: string[] = [];
  const server = createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const headers = {
      ...HEADERS,
      "Content-Type": TYPES[extname(pathname) || ".html"] ?? "application/octet-stream",
    };
    const text = files.get(decodeURIComponent(pathname));
    const file = text === undefined ? fileFor(pathname, shared) : undefined;
    if (text !== undefined) response.writeHead(200, headers).end(text);
    else if (file !== undefined) createReadStream(file).pipe(response.writeHead(200, headers));
    else response.writeHead(404, headers).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    share: (file) => `${PAGE_PATHS.files}${shared.push(file) - 1}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The file on disk that a path of the page stands for. */
function fileFor(pathname: string, shared: readonly string[]): string | undefined {
  const { packages, files } = PAGE_PATHS;
  const path = pathname.startsWith(packages)
    ? join(bench, "node_modules", normalize(join("/", pathname.slice(packages.length))))
    : pathname.startsWith(files)
      ? shared[Number(pathname.slice(files.length))]
      : undefined;
  return path !== undefined && existsSync(path) ? path : undefined;
}
