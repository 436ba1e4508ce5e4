/** What each close code of the wire asks of a client. */

export type AfterClose =
  /** Ask for a new token, then connect: at once the first time, with backoff when it happens again. */
  | "new-token"
  /** Never again: trying changes nothing. */
  | "stop"
  /** Connect again after full-jitter backoff. */
  | "retry"
  /** The same, but from further up the ladder. */
  | "back-off";

const TABLE: Readonly<Record<number, AfterClose>> = {
  4400: "back-off", // malformed start: something between us and the gateway changes our frames
  4401: "new-token",
  4403: "stop",
  4408: "retry",
  4409: "retry", // too slow: come back and resync
  4413: "retry",
  4429: "back-off",
  1012: "retry",
};

export function afterClose(code: number): AfterClose {
  return TABLE[code] ?? "retry";
}

/** The close reason is a short JSON object; anything else says nothing. */
export function closeReason(reason: string): { code?: string; retryInMs?: number } {
  try {
    const value: unknown = JSON.parse(reason);
    if (typeof value !== "object" || value === null) return {};
    const { code, retryInMs } = value as Record<string, unknown>;
    return {
      ...(typeof code === "string" ? { code } : {}),
      ...(typeof retryInMs === "number" && retryInMs >= 0 ? { retryInMs } : {}),
    };
  } catch {
    return {};
  }
}
