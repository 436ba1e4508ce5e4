import type { VNode } from "preact";
import type { Person } from "../wire/frames";
import type { Strings } from "./strings";

/** Only addresses that a browser fetches as pictures; anything else is no avatar. */
const PICTURE = /^(https?:\/\/|\/)/i;

export function nameOf(person: Person, strings: Strings): string {
  return person.name ?? (person.id === "" ? strings.you : strings.someone);
}

/** A picture, else the first letter on a colour that is the person's own. */
export function Avatar({ person, strings }: { person: Person; strings: Strings }): VNode {
  const initial = [...nameOf(person, strings)][0]?.toUpperCase() ?? "?";
  return (
    <span class="avatar" aria-hidden="true" style={{ backgroundColor: `hsl(${hue(person.id)} 45% 32%)` }}>
      {initial}
      {person.avatar !== undefined && PICTURE.test(person.avatar) && (
        <img src={person.avatar} alt="" loading="lazy" referrerpolicy="no-referrer" />
      )}
    </span>
  );
}

function hue(id: string): number {
  let sum = 0;
  for (const sign of id) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 360;
  return sum;
}
