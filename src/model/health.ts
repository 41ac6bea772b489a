/** Whether a model whose threads failed may be tried again. */
import { PoolError } from "../errors.ts";

const MOST_FAILURES = 3;
const WINDOW_MS = 60_000;

export class Health {
  #failures: number[] = [];

  noteFailure(): void {
    this.#failures.push(performance.now());
  }

  /** @throws PoolError too many failures within the last minute */
  check(): void {
    if (this.#failures.length === 0) return;
    const now = performance.now();
    this.#failures = this.#failures.filter((time) => now - time < WINDOW_MS);
    if (this.#failures.length >= MOST_FAILURES) {
      throw new PoolError(
        `the model is unhealthy: ${this.#failures.length} pool failures within ${WINDOW_MS / 1000} s`,
      );
    }
  }
}
