/** docs/exactness.md holds what a comparison with TFLite's recorded outputs gives today. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { renderExactness } from "../scripts/exactness.ts";
import { sharedPath } from "./shared.ts";

const document = fileURLToPath(new URL("../docs/exactness.md", import.meta.url));

test.skipIf(sharedPath("golden") === undefined)(
  "the tables of docs/exactness.md are what the comparison gives (node scripts/exactness.ts)",
  async () => {
    expect(await renderExactness()).toBe(readFileSync(document, "utf8"));
  },
);
