import type { ErrorFrame } from "../wire/frames";

type Refusal = Required<Pick<ErrorFrame, "code" | "message" | "help">>;

/** Refusals that pass: the same change goes out again, with the same id, when they have. */
export const PASSING = new Set(["internal", "unavailable", "over-limit", "token-expired"]);

// What is refused before it is sent

/** Also what was written before anybody was greeted: nobody knows whose it is. */
export const OTHER_READER: Refusal = {
  code: "other-reader",
  message: "This was written under another name, or under none, and has not been sent.",
  help: "Send it as the present reader, or discard it.",
};

export const TOO_BIG: Refusal = {
  code: "too-big",
  message: "This text is too long to send.",
  help: "Shorten it and try again.",
};
