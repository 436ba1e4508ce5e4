import { Parley } from "parley-widget";
import { createElement, useEffect, useRef } from "react";

const EVENTS = {
  onReady: "parley:ready",
  onCount: "parley:count",
  onChatCreated: "parley:chat-created",
  onState: "parley:state",
  onError: "parley:error",
};

/** Discussions on this page, from mount to unmount. A change of properties changes the widget, not the connection. */
export function Discussions({ getToken, server, page, topBar, root, lang, theme, mentions, trace, ...handlers }) {
  const place = useRef(null);
  const widget = useRef(null);
  const latest = useRef({});
  latest.current = { getToken, mentions, handlers };
  // The same function for all of the component's life: a new closure in each render is no reason to connect anew.
  const token = useRef((reason) => latest.current.getToken(reason));
  const directory = useRef((typed) => latest.current.mentions(typed));
  const people = mentions && directory.current;
  const first = useRef(true);
  useEffect(() => {
    const listening = new AbortController();
    for (const [handler, event] of Object.entries(EVENTS)) {
      place.current.addEventListener(event, ({ detail }) => latest.current.handlers[handler]?.(detail), { signal: listening.signal });
    }
    widget.current = Parley(place.current, given({ getToken: token.current, server, page, topBar, root, lang, theme, mentions: people, trace }));
    first.current = true;
    return () => {
      widget.current.destroy();
      listening.abort();
    };
  }, [server]);
  useEffect(() => {
    if (first.current) first.current = false;
    else widget.current.update({ page, topBar, root, lang, theme, mentions: people, trace });
  }, [page, topBar, root, lang, theme, people, trace]);
  return createElement("div", { ref: place });
}

function given(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
