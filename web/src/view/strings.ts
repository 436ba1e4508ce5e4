import en from "../locale/en.json";

/** Every sentence of the interface in one language. What it is made of: `src/locale/*.json`, compiled by `locales.mjs`. */
export interface Strings extends Readonly<Record<keyof typeof en, string>> {
  /** How the language writes numbers and dates: a BCP 47 tag. */
  readonly locale: string;
  readonly rtl: boolean;
  /** Plural categories, in the order in which a sentence has its forms. */
  readonly plurals: readonly string[];
}

export const english = en as unknown as Strings;

/** The form for a number, with the number in it as the language writes it. */
export function counted(strings: Strings, forms: string, count: number): string {
  // A category that the table does not know is served by the last form, which is "other".
  const form = forms.split("|").at(strings.plurals.indexOf(new Intl.PluralRules(strings.locale).select(count))) as string;
  return form.replace("#", new Intl.NumberFormat(strings.locale).format(count));
}

/** A sentence with its placeholders filled: `{name} is typing…`. */
export function filled(sentence: string, values: Readonly<Record<string, string>>): string {
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => values[name] as string);
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "2 minutes ago", by two moments in milliseconds. A moment ahead of the reader's clock is now. */
export function ago(strings: Strings, at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1_000));
  const format = new Intl.RelativeTimeFormat(strings.locale, { numeric: "auto" });
  for (const [unit, size] of STEPS) if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  return format.format(0, "second");
}
