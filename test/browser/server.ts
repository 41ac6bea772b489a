/** A static server for the browser tests: the bundled page, the models, and the headers of a policy. */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Folders served below a path. */
const FOLDERS: readonly (readonly [path: string, folder: string])[] = [
  ["/models/", join(root, "models")],
  ["/shared-models/", join(root, "../shared/models")],
  ["/shared-golden/", join(root, "../shared/golden/models")],
];

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".tflite": "application/octet-stream",
};

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** No inline script, no eval: what the README says a page must allow. */
const POLICY = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:",
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>bitlane</title>
<link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`;

export interface Server {
  readonly origin: string;
  close(): Promise<void>;
}

/** Path and text of every file of the page, bundled as an application would bundle the package. */
export async function bundlePage(): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: {
      page: join(root, "test/browser/page.ts"),
      // esbuild does not follow `new Worker(new URL(…))`: the worker is an entry of its own.
      worker: join(root, "dist/worker.js"),
    },
    outdir: "/",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    external: ["node:*"],
    write: false,
  });
  return new Map([["/", PAGE], ...outputFiles.map(({ path, text }) => [path, text] as const)]);
}

/** Serves the files of `bundlePage`, with or without cross-origin isolation. */
export async function serve(
  files: ReadonlyMap<string, string>,
  isolated: boolean,
): Promise<Server> {
  const server = createServer(({ url = "/" }, response) => {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname);
    const headers = {
      ...POLICY,
      ...(isolated ? ISOLATION : {}),
      "Content-Type": TYPES[extname(path) || ".html"] ?? "application/octet-stream",
    };
    const text = files.get(path);
    const file = text === undefined ? fileFor(path) : undefined;
    if (text !== undefined) response.writeHead(200, headers).end(text);
    else if (file !== undefined) createReadStream(file).pipe(response.writeHead(200, headers));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The file on disk that a path stands for, if it is in a served folder. */
function fileFor(path: string): string | undefined {
  for (const [prefix, folder] of FOLDERS) {
    if (!path.startsWith(prefix)) continue;
    const file = join(folder, normalize(join("/", path.slice(prefix.length))));
    return existsSync(file) ? file : undefined;
  }
  return undefined;
}
