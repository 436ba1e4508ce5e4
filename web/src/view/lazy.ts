import { type ComponentType, Fragment, type FunctionComponent } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { jsx } from "preact/jsx-runtime";
import { useModel, useSurroundings } from "./context";

/** What a part gets from the widget instead of bringing its own; `parts.mjs` has the same names. */
const KIT = { jsx, Fragment, useEffect, useLayoutEffect, useRef, useState, useModel, useSurroundings };

interface Part<Default> {
  readonly default: Default;
  adopt?(kit: typeof KIT): void;
}

/** What a part exports by default, once it is here. */
export async function loaded<Default>(part: Promise<Part<Default>>): Promise<Default> {
  const { default: it, adopt } = await part;
  adopt?.(KIT);
  return it;
}

/**
 * A component in a file of its own, fetched when it is first drawn: `lazy(() => import("./relink"))`. Draws nothing until it
 * is here. Where it cannot be fetched it is tried again when it is drawn anew.
 */
export function lazy<Props extends object>(load: () => Promise<Part<ComponentType<Props>>>): FunctionComponent<Props> {
  let known: ComponentType<Props> | undefined;
  let loading = false;
  return function Lazy(props) {
    const [, redraw] = useState<unknown>();
    const gone = useRef(false);
    useEffect(() => () => void (gone.current = true), []);
    useModel();
    useEffect(() => {
      if (known !== undefined || loading) return;
      loading = true;
      void loaded(load())
        .then((it) => {
          known = it;
          if (!gone.current) redraw({});
        })
        .catch(() => {})
        .finally(() => (loading = false));
    });
    return known === undefined ? null : jsx(known, props);
  };
}
