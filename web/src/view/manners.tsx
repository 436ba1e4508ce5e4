import type { VNode } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { linked } from "../people/links";
import { useModel } from "./context";
import { focused } from "./focused";
import { Minimap } from "./minimap";
import type { Model } from "./model";

export type Layout = "side" | "popover" | "full";
interface Spot {
  readonly current: HTMLElement | null;
}

/**
 * How the panel behaves: where it stands, what opens it, where the focus is. Who listens to the page itself does so in a
 * layout effect: the others are ended only after the next paint, and the page would be listened to for that long.
 */
export function Manners({ panel, heading, layout }: { panel: Spot; heading: Spot; layout: Layout }): VNode | null {
  const { model } = useModel();
  const open = model.shown.kind !== "closed";
  useFragment(model);
  useFocusKept(panel, heading, open);
  usePlace(panel, model, open, layout);
  useLayoutEffect(() => {
    const { current } = panel;
    if (layout !== "full" || !open || current === null) return undefined;
    const ended = new AbortController();
    current.addEventListener("keydown", (event) => event.key === "Tab" && keepInside(event, current), ended);
    return () => ended.abort();
  }, [open, layout]);
  return model.discussions.length > 0 && layout !== "full" ? <Minimap /> : null;
}

/** Opens the discussion that the page's address names, at the start and whenever the address changes. */
function useFragment(model: Model): void {
  const { loaded } = model.view;
  useLayoutEffect(() => {
    if (!loaded) return undefined;
    const go = (): void => {
      const id = linked(location.hash);
      if (id === null) return;
      model.show({ kind: "chat", id });
      const reveal = (): boolean => {
        const found = model.discussions.find(({ chat }) => chat.id === id);
        if (found?.location.state === "pending") return false;
        if (found !== undefined) model.reveal(found);
        return true;
      };
      if (reveal()) return;
      stop = model.subscribe(() => reveal() && stop());
    };
    let stop = (): unknown => undefined;
    go();
    const ended = new AbortController();
    addEventListener("hashchange", go, ended);
    return () => {
      stop();
      ended.abort();
    };
  }, [model, loaded]);
}

/** What has the focus may be taken away from afar: then the heading has it, and the page's start does not. */
function useFocusKept(panel: Spot, heading: Spot, open: boolean): void {
  useLayoutEffect(() => {
    if (!open || panel.current === null) return undefined;
    let last: EventTarget | null = null;
    const note = (event: Event): void => void (last = event.target);
    const watch = new MutationObserver(() => {
      if (last instanceof Element && !last.isConnected && focused() === document.body) heading.current?.focus({ preventScroll: true });
    });
    panel.current.addEventListener("focusin", note);
    watch.observe(panel.current, { childList: true, subtree: true });
    const { current } = panel;
    return () => {
      watch.disconnect();
      current.removeEventListener("focusin", note);
    };
  }, [open]);
}

/** `side`, `popover` (at the words that it is about) or `full`, as the window has room. */
function usePlace(panel: Spot, model: Model, open: boolean, layout: Layout): void {
  useLayoutEffect(() => {
    const ended = new AbortController();
    addEventListener("resize", () => model.refresh(), ended);
    return () => ended.abort();
  }, [model]);
  const { shown } = model;
  useLayoutEffect(() => {
    const { current } = panel;
    if (!open || current === null) return;
    current.style.top = "";
    const discussion = shown.kind === "chat" ? model.discussions.find(({ chat }) => chat.id === shown.id) : undefined;
    const place = shown.kind === "new" ? model.text.locate("", shown.anchor) : discussion?.location;
    const range = layout === "popover" && place !== undefined ? model.text.range(place) : null;
    if (range === null) return;
    // Under the words if there is room, else over them; never beyond the window.
    const { top, bottom } = range.getBoundingClientRect();
    const { height } = current.getBoundingClientRect();
    const under = bottom + height + 16 <= innerHeight;
    current.style.top = `${Math.max(8, Math.min(under ? bottom + 8 : top - height - 8, innerHeight - height - 8))}px`;
  }, [open, layout, shown]);
}

/** Behind a panel that fills the window there is nothing to go to. */
function keepInside(event: KeyboardEvent, panel: HTMLElement): void {
  const stops = [...panel.querySelectorAll<HTMLElement>("button, a[href], textarea, input, summary, [tabindex='0']")].filter(
    (stop) => stop.tabIndex >= 0 && !stop.hasAttribute("disabled") && stop.getClientRects().length > 0,
  );
  const end = event.shiftKey ? stops[0] : stops.at(-1);
  if (focused() !== end && stops.includes(focused() as HTMLElement)) return;
  event.preventDefault();
  (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
}
