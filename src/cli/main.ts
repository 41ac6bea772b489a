#!/usr/bin/env node
/** The entry of the command line tool: `bitlane inspect | run | verify | bench | compare | formats`. */
import { runCli } from "./cli.ts";
import { processTerminal } from "./terminal.ts";

// A reader that closes the pipe early (`bitlane inspect … | head`) is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.exitCode = await runCli(process.argv.slice(2), processTerminal());
