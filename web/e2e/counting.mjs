/** Recomputes the bill from what the browsers' own tools saw on their sockets. */

const CLASS_OF = { live: "delivery", presence: "presence", typing: "presence", page: "replay" };

/** Bytes of an unfragmented WebSocket frame: header, mask when a client sent it, payload (RFC 6455, section 5.2). */
function frameSize(text, masked) {
  const length = Buffer.byteLength(text, "utf8");
  return (length < 126 ? 2 : length < 65_536 ? 4 : 10) + (masked ? 4 : 0) + length;
}

/** {class: {messages, bytes}} of all that these tabs received, and of the operations that were acknowledged. */
export function counted(tabs) {
  const sums = Object.fromEntries(["publish", "delivery", "presence", "replay"].map((name) => [name, { messages: 0, bytes: 0 }]));
  const add = (name, messages, bytes) => {
    sums[name].messages += messages;
    sums[name].bytes += bytes;
  };
  for (const tab of tabs) {
    const acknowledged = new Set();
    for (const text of tab.received) {
      const frame = JSON.parse(text);
      if (frame.t === "ack") acknowledged.add(frame.broadcastId);
      const name = CLASS_OF[frame.t];
      if (name !== undefined) add(name, frame.t === "live" ? frame.events.length : 1, frameSize(text, false));
    }
    for (const text of tab.sent) {
      const frame = JSON.parse(text);
      if (frame.t === "do" && acknowledged.has(frame.broadcastId)) add("publish", 1, frameSize(text, true));
    }
  }
  return sums;
}

/** The tenant's sums in the ledger, as `GET /v1/usage` tells them. */
export async function usage(base, tenant) {
  const query = new URLSearchParams({ tenant, reader: "auditor", scope: "usage:read" });
  const { token } = await (await fetch(new URL(`/demo/token?${query}`, base))).json();
  const answer = await fetch(new URL("/v1/usage", base), { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`/v1/usage answered ${answer.status}`);
  return (await answer.json()).classes;
}

/** What was added between two answers of `usage`. */
export function added(before, after) {
  return Object.fromEntries(
    Object.entries(after).map(([name, { messages, bytes }]) => [
      name,
      { messages: messages - before[name].messages, bytes: bytes - before[name].bytes },
    ]),
  );
}
