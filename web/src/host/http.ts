import type { Environment, Transport } from "../connection/environment";
import { type Http, type HttpAnswer, HttpTransport } from "../connection/http-socket";

/** The wire over HTTP, where no WebSocket comes through. */
export default function detour(env: Environment, base: string): Transport {
  return new HttpTransport(env, browserHttp, base);
}

/** `fetch` without cookies and without caches; the token in a header. */
const browserHttp: Http = {
  request(url, token, body) {
    const end = new AbortController();
    const init = { ...asked(token, end.signal), ...(body !== null && { method: "POST", body }) };
    return { answer: fetch(url, init).then(read), abort: () => end.abort() };
  },
  stream(url, token, lastEventId, onText, onEnd) {
    const end = new AbortController();
    const init = asked(token, end.signal);
    if (lastEventId !== null) init.headers["last-event-id"] = lastEventId;
    const follow = async (): Promise<HttpAnswer | null> => {
      const response = await fetch(url, init);
      if (response.status !== 200 || response.body === null) return read(response);
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return null;
        onText(decoder.decode(value, { stream: true }));
      }
    };
    follow().catch(() => null).then((answer) => end.signal.aborted || onEnd(answer));
    return () => end.abort();
  },
};

function asked(token: string, signal: AbortSignal): RequestInit & { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` }, signal, cache: "no-store", credentials: "omit" };
}

async function read(response: Response): Promise<HttpAnswer> {
  return { status: response.status, text: await response.text() };
}
