import type { GetToken } from "../connection/environment";

/** Fetches tokens from the site's own address: JSON `{"token": "…"}`, or the bare token as text. */
export function tokenFrom(address: string): GetToken {
  return async () => {
    const response = await fetch(address, { headers: { accept: "application/json" }, cache: "no-store" });
    if (!response.ok) throw new Error(`Parley: the token address answered ${response.status}.`);
    const body = await response.text();
    if (!body.trimStart().startsWith("{")) return body.trim();
    const { token } = JSON.parse(body) as { token?: unknown };
    if (typeof token !== "string") throw new Error("Parley: the token address sent no `token`.");
    return token;
  };
}
