import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { asking, label, matching, named } from "../people/mentions";
import type { Person } from "../wire/frames";
import { useModel } from "./context";
import { Avatar, nameOf } from "./person";

/** People offered at once: a longer list is not read; typing on narrows it. */
const OFFERED = 6;

/** Whom the words after an `@` may mean: arrows move, Enter or Tab chooses, Escape leaves it as typed. */
export function MentionList({ box, onText }: { box: HTMLTextAreaElement; onText(text: string): void }): VNode | null {
  const { model, strings } = useModel();
  const [people, setPeople] = useState<readonly Person[]>([]);
  const [at, setAt] = useState(0);
  const [left, setLeft] = useState(-1);
  const asked = asking(box.value, box.selectionStart);
  const query = asked?.query;
  useEffect(() => {
    let current = true;
    setAt(0);
    if (query === undefined) setPeople([]);
    else {
      const known = model.directory ?? (() => matching(model.authors(), query, OFFERED));
      // A directory that fails offers nobody: what is typed stays text.
      void Promise.resolve().then(() => known(query)).then((found) => current && setPeople(found.slice(0, OFFERED)), () => {});
    }
    return () => {
      current = false;
    };
  }, [query]);
  const open = asked !== null && asked.from !== left && people.length > 0;
  const pick = (person: Person | undefined): void => {
    if (asked === null || person === undefined) return;
    const { names } = model;
    let name = label(nameOf(person, strings));
    if ((names.get(name) ?? person.id) !== person.id) name = label(`${name} ${person.id}`); // another of the same name was picked before
    names.set(name, person.id);
    const put = named(box.value, asked.from, box.selectionStart, name);
    onText(put.text);
    box.value = put.text;
    box.setSelectionRange(put.caret, put.caret);
    box.focus();
  };
  useLayoutEffect(() => {
    if (!open) return undefined;
    const keys = (event: KeyboardEvent): void => {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? people.length - 1 : 0;
      if (step !== 0) setAt((at + step) % people.length);
      else if (event.key === "Enter" || event.key === "Tab") pick(people[at]);
      else if (event.key === "Escape") setLeft(asked.from);
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    box.addEventListener("keydown", keys, { capture: true });
    box.setAttribute("aria-activedescendant", `mention-${at}`);
    box.setAttribute("aria-controls", "mentions");
    return () => {
      box.removeEventListener("keydown", keys, { capture: true });
      box.removeAttribute("aria-activedescendant");
      box.removeAttribute("aria-controls");
    };
  });
  if (!open) return null;
  return (
    <ul class="mentions" id="mentions" role="listbox" aria-label={strings.people} data-parley="mentions">
      {people.map((person, index) => (
        <li
          key={person.id}
          id={`mention-${index}`}
          role="option"
          aria-selected={index === at}
          data-parley="mention"
          onPointerDown={(event) => event.preventDefault() /* the caret stays where it is */}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => pick(person)}
        >
          <Avatar person={person} strings={strings} />
          {nameOf(person, strings)}
        </li>
      ))}
    </ul>
  );
}
