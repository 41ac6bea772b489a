/** What a result must say of where it was measured. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Rival } from "../rival.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export interface Machine {
  /** Name, family and model: cloud machines hide the marketing name. */
  readonly cpu: string;
  readonly cores: number;
  /** The extensions that the peers' kernels are chosen by. */
  readonly extensions: readonly string[];
  readonly memoryGiB: number;
  readonly system: string;
  /** Load of the last minute before the run: other work on the machine. */
  readonly load: number;
}

export function describeMachine(): Machine {
  const present = new Set(cpuFact("flags|Features").split(/\s+/));
  return {
    cpu: describeCpu(),
    cores: availableParallelism(),
    extensions: EXTENSIONS.filter((name) => present.has(name)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    load: loadavg()[0]!,
  };
}

const EXTENSIONS = ["avx2", "avx_vnni", "avx512_vnni", "asimddp", "i8mm"];

function describeCpu(): string {
  const name = cpus()[0]?.model ?? "unknown";
  const family = cpuFact("cpu family");
  return family === "" ? name : `${name}, family ${family} model ${cpuFact("model")}`;
}

/** What Linux says of the first processor, "" elsewhere. */
function cpuFact(key: string): string {
  if (!existsSync("/proc/cpuinfo")) return "";
  const line = new RegExp(`^(?:${key})\\s*:(.*)$`, "m");
  return line.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.trim() ?? "";
}

/** The version of a rival's package, or undefined where it is not installed. */
export function installedVersion(rival: Rival): string | undefined {
  const own = rival.package === "bitlane";
  const file = own ? "package.json" : join("bench/node_modules", rival.package, "package.json");
  if (!existsSync(join(root, file))) return undefined;
  const { version } = JSON.parse(readFileSync(join(root, file), "utf8")) as { version: string };
  return own ? `${version} (${commit()})` : version;
}

function commit(): string {
  const git = (...words: string[]) => spawnSync("git", words, { cwd: root, encoding: "utf8" });
  const { status, stdout } = git("describe", "--always", "--dirty");
  return status === 0 ? stdout.trim() : "no commit";
}
