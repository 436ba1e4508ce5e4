import type { VNode } from "preact";
import { EVERYTHING, type Filter, SHOWS } from "../people/filter";
import { useModel } from "./context";

/** Which discussions are listed: by state, by words. */
export function ListFilter(): VNode {
  const { model, strings } = useModel();
  const { reading } = model;
  const names = { all: strings.filterAll, open: strings.filterOpen, resolved: strings.resolved, mine: strings.filterMine, unread: strings.filterUnread };
  const filter = reading?.filter ?? EVERYTHING;
  const set = (changed: Partial<Filter>): void => {
    if (reading === null) return;
    const next = { ...filter, ...changed };
    reading.filter = next.show === EVERYTHING.show && next.words === "" ? null : next;
    reading.arrivals.reset();
    model.refresh();
  };
  return (
    <div class="filter" role="search" aria-label={strings.filter}>
      <input
        type="search"
        aria-label={strings.search}
        placeholder={strings.search}
        value={filter.words}
        data-parley="search"
        onInput={(event) => set({ words: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || filter.words === "") return;
          event.stopPropagation();
          set({ words: "" });
        }}
      />
      <div class="shows" role="group" aria-label={strings.filter}>
        {SHOWS.map((show) => (
          <button
            key={show}
            type="button"
            aria-pressed={filter.show === show}
            data-parley={`show-${show}`}
            onClick={() => set(filter.show === show ? { show: EVERYTHING.show } : { show })}
          >
            {names[show]}
          </button>
        ))}
      </div>
    </div>
  );
}
