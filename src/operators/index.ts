export * from "./operator.ts";
