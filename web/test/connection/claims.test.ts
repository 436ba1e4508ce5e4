import { expect, it } from "vitest";
import { identityOf } from "../../src/connection/claims";

const token = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;

it("is the same for two tokens exactly when they allow the same reader the same things", () => {
  const claims = { sub: "u1", tenant: "acme", name: "Анна", pages: ["*"] };
  const identity = identityOf(token(claims));
  expect(identityOf(token({ pages: ["*"], name: "Анна", tenant: "acme", sub: "u1", exp: 9, iat: 1, nbf: 1, jti: "x" }))).toBe(identity);
  for (const other of [{ sub: "u2" }, { tenant: "globex" }, { role: "moderator" }, { pages: ["a"] }, { name: "Anna" }]) {
    expect(identityOf(token({ ...claims, ...other }))).not.toBe(identity);
  }
});

it.each(["", "opaque", "a.b.c", "e30.e30.x", token([])])("%j says nothing of a reader", (text) => expect(identityOf(text)).toBeNull());
