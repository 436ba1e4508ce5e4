import { loaded } from "./lazy";
import { type Strings, english } from "./strings";

/** Languages besides English, each a file of its own. */
const TABLES: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  ar: () => import("../locale/ar.json"),
  de: () => import("../locale/de.json"),
  es: () => import("../locale/es.json"),
  fr: () => import("../locale/fr.json"),
  ja: () => import("../locale/ja.json"),
  ru: () => import("../locale/ru.json"),
};

/**
 * Begins with the sentences that suit a language tag (`de`, `de-AT`): at once in English, else when they are here, and in
 * English where they cannot be had. Dates and numbers follow the whole tag. The answer ends what has begun.
 */
export function inLanguage(tag: string, begin: (strings: Strings) => () => void): () => void {
  let end: (() => void) | null = () => {};
  const use = (table: Strings, locale: string): void => {
    if (end === null) return;
    const strings: { -readonly [Key in keyof Strings]: Strings[Key] } = { ...table };
    strings.locale = locale;
    end = begin(strings);
  };
  const [locale = "en"] = known(tag);
  const load = TABLES[locale.slice(0, 2)];
  if (load === undefined) use(english, locale.startsWith("en") ? locale : "en");
  else loaded(load()).then((table) => use(table as Strings, locale), () => use(english, "en"));
  return () => {
    end?.();
    end = null;
  };
}

function known(tag: string): string[] {
  try {
    return Intl.PluralRules.supportedLocalesOf(tag);
  } catch {
    return []; // no language tag at all
  }
}
