/** What the browser loads: the host with every rival, for the controller to call. */
import { findRival } from "../index.ts";
import { Host } from "./host.ts";
import { PAGE_PATHS } from "./page-paths.ts";

declare global {
  interface Window {
    host: Host;
  }
}

window.host = new Host(
  {
    host: "chromium",
    importModule: (name) => import(`${PAGE_PATHS.modules}${name}.js`) as Promise<unknown>,
    packageFile: (path) => PAGE_PATHS.packages + path,
  },
  async (address) => {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`${address}: status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  },
  findRival,
);
