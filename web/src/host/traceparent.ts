import { hex } from "./hex";

/** A new trace context as W3C Trace Context writes it, version 00, with the flag that it is sampled. */
export function traceparent(): string {
  const random = hex(crypto.getRandomValues(new Uint8Array(24)));
  return `00-${random.slice(0, 32)}-${random.slice(32)}-01`;
}
