import type { Strings } from "./strings";

/** What a code of the protocol means to a reader, and what to do; `null` where only the server's own words say it. */
export function sentence(code: string, strings: Strings): string | null {
  switch (code) {
    case "banned":
      return strings.sayBanned;
    case "over-quota":
      return strings.sayOverQuota;
    case "suspended":
      return strings.saySuspended;
    case "forbidden":
    case "origin-refused":
      return strings.sayForbidden;
    case "too-big":
      return strings.sayTooBig;
    case "unknown-chat":
    case "unknown-comment":
      return strings.sayGone;
    case "other-reader":
      return strings.sayOtherReader;
    default:
      return null;
  }
}
