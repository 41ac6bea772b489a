/** Where the server of chromium.ts puts things, and where page.ts looks for them. */
export const PAGE_PATHS = {
  /** Modules bundled for the page, by name. */
  modules: "/modules/",
  /** Files of the installed packages, as they are. */
  packages: "/packages/",
  /** Models and inputs, by their number in the server's list. */
  files: "/files/",
} as const;
