import type { Reader, Role } from "../wire/frames";

/** Claims that say when and which token, not whose. */
const PASSING = new Set(["exp", "iat", "nbf", "jti"]);

export interface Claims {
  readonly tenant: string;
  readonly reader: Reader;
  /** The same for two tokens exactly when they allow the same reader the same things. */
  readonly identity: string;
}

/** What a token says, unverified: that is the gateway's work. `null` where it is no JWT that we can read. */
export function readClaims(token: string): Claims | null {
  try {
    const binary = atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const { sub, tenant, name, avatar, role } = claims;
    if (typeof sub !== "string" || typeof tenant !== "string") return null;
    const lasting = Object.entries(claims).filter(([key]) => !PASSING.has(key));
    return {
      tenant,
      reader: {
        id: sub,
        role: (role as Role | undefined) ?? "commenter",
        ...(typeof name === "string" ? { name } : {}),
        ...(typeof avatar === "string" ? { avatar } : {}),
      },
      identity: JSON.stringify(lasting.sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  } catch {
    return null;
  }
}
