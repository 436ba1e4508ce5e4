import { createContext } from "preact";
import { useContext, useLayoutEffect, useReducer } from "preact/hooks";
import type { Model } from "./model";
import type { Strings } from "./strings";

export interface Surroundings {
  readonly model: Model;
  readonly strings: Strings;
}

export const SurroundingsContext = createContext<Surroundings | null>(null);

/** The model and the sentences, for what is drawn again only with its properties. */
export function useSurroundings(): Surroundings {
  const surroundings = useContext(SurroundingsContext);
  if (surroundings === null) throw new Error("drawn outside of the widget");
  return surroundings;
}

/** The model and the sentences; the component draws again whenever the model says that it changed. */
export function useModel(): Surroundings {
  const surroundings = useSurroundings();
  const [, redraw] = useReducer<number, void>((turn) => turn + 1, 0);
  const { model } = surroundings;
  // Before the browser paints: a change between drawing and listening would be missed.
  useLayoutEffect(() => model.subscribe(() => redraw()), [model]);
  return surroundings;
}
