/** A rival in one host, as the controller sees it. */
import type { HostName, Rival } from "../rival.ts";
import type { Job, MeasureOptions, Opened } from "./host.ts";

export interface Contender {
  readonly rival: Rival;
  readonly host: HostName;
  /** Column of the table: "bitlane", "bitlane revectorized". */
  readonly label: string;
  open(job: Job): Promise<Opened>;
  measure(options: MeasureOptions): Promise<number[]>;
  close(): Promise<void>;
}
