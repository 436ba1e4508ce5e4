import type { Http, HttpAnswer } from "../connection/http-socket";

/** `fetch` without cookies and without caches; the token in a header. */
export const browserHttp: Http = {
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
