/** Everything that bitlane lacks for one file: the file is read whole, then one error lists it. */
import { UnsupportedError } from "../../errors.ts";
import type { TensorRecord } from "./tensors.ts";

/** Entries that the message shows; `error.missing` has all. */
const MAX_SHOWN = 20;

export class Missing {
  readonly entries: string[] = [];
  readonly #seen = new Set<TensorRecord>();

  add(place: string, part?: string): void {
    this.entries.push(part === undefined ? place : `${place}: ${part}`);
  }

  /** Lists what a tensor lacks where it is first used. False if it can not be used. */
  addTensor(place: string, record: TensorRecord): boolean {
    if (record.unsupported.length === 0) return true;
    if (!this.#seen.has(record)) {
      this.#seen.add(record);
      for (const part of record.unsupported) this.add(place, `${record.label}: ${part}`);
    }
    return false;
  }

  /** @throws UnsupportedError if anything was listed */
  check(): void {
    const { entries } = this;
    if (entries.length === 0) return;
    const shown = entries.slice(0, MAX_SHOWN).join("; ");
    throw new UnsupportedError(
      `expected a model of parts that bitlane has, got ${entries.length} that it lacks: ${shown}${entries.length > MAX_SHOWN ? "; …" : ""}`,
      { missing: entries, where: { format: "tflite" } },
    );
  }
}
