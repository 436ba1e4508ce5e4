import type around from "./around";
import { loaded } from "./lazy";
import type { Model } from "./model";
import type people from "./people";
import type reader from "./reader";
import { addStyles } from "./sheet";
import type { Strings } from "./strings";

/** Of use without being needed: discussions are read and written before it is here, and where it cannot be fetched. */
export type Extras = typeof people & typeof around & typeof reader;

let fetching: Promise<Extras> | null = null;

/** Gives them to a model, and English its last sentences, when they are here. Where that fails, the next call tries again. */
export function fetchExtras(model: Model, strings: Strings): void {
  fetching ??= Promise.all([loaded(import("./people")), loaded(import("./around")), loaded(import("./reader"))]).then(([people, around, reader]) => {
    addStyles(around.STYLES);
    return { ...people, ...around, ...reader };
  });
  fetching.then(
    (extras) => {
      if (model.extras === extras) return;
      const table = strings as unknown as Record<string, string>;
      for (const [key, text] of Object.entries(extras.LATE)) table[key] ||= text;
      model.extras = extras;
      model.reading = new extras.Reading(model);
      model.undo = new extras.Undo(model);
      model.refresh();
    },
    () => {
      fetching = null;
    },
  );
}
