/**
 * The entry of a worker thread: waits at its mailbox, walks the steps, waits again. It knows no
 * model, graph or plan. Ended from outside.
 */
import {
  ABORT_REASON,
  MAIL,
  mailboxWord,
  MODE,
  type StartMessage,
  STATE,
  type WorkerMessage,
} from "./protocol.ts";
import { Walker, withdrawOffers } from "./walk.ts";

/** No wait is without a limit; a worker that wakes for nothing sleeps again. */
const SLEEP_MS = 1000;

interface Port {
  post(message: WorkerMessage): void;
  onceMessage(listener: (message: StartMessage) => void): void;
}

function openPort(): Port {
  if (typeof process === "object" && typeof process.getBuiltinModule === "function") {
    const port = process.getBuiltinModule("node:worker_threads").parentPort;
    if (port !== null) {
      return {
        post: (message) => port.postMessage(message),
        onceMessage: (listener) => port.once("message", listener),
      };
    }
  }
  return {
    post: (message) => (globalThis as unknown as Worker).postMessage(message),
    onceMessage: (listener) =>
      globalThis.addEventListener(
        "message",
        (event) => listener((event as MessageEvent<StartMessage>).data),
        { once: true },
      ),
  };
}

function serve(walker: Walker, { worker, announce }: StartMessage, port: Port): never {
  const { control, program } = walker;
  const mail = mailboxWord(worker);
  let seen = 0;
  for (;;) {
    const wake = Atomics.load(control, mail + MAIL.wake);
    if (wake === seen) {
      Atomics.wait(control, mail + MAIL.wake, seen, SLEEP_MS);
      continue;
    }
    seen = wake;
    const state = mail + MAIL.state;
    if (Atomics.compareExchange(control, state, STATE.offered, STATE.taken) !== STATE.offered)
      continue;
    const from = control[mail + MAIL.from]!;
    const to = control[mail + MAIL.to]!;
    try {
      if (control[mail + MAIL.mode] === MODE.alone) {
        walker.walkAlone(control[mail + MAIL.lane]!, from, to);
      } else if (walker.walkShared(from, to)) {
        withdrawOffers(control, program.workers);
      }
    } catch (error) {
      walker.abort(ABORT_REASON.trap);
      port.post({ type: "failed", message: String(error) });
    }
    Atomics.store(control, state, STATE.idle);
    Atomics.notify(control, state);
    if (announce) port.post({ type: "finished" });
  }
}

const port = openPort();
port.onceMessage((message) => {
  try {
    const walker = new Walker(message.program, message.worker + 1);
    port.post({ type: "ready" });
    serve(walker, message, port);
  } catch (error) {
    port.post({ type: "failed", message: String(error) });
  }
});
