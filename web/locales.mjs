/**
 * The widget's sentences, from `src/locale/*.json` (ICU MessageFormat) to what is shipped: no parser, only strings.
 * A plural becomes its forms joined by `|`, in the order of the table's `plurals`. What a translator may forget, a missing
 * key, form or placeholder, stops the build.
 */
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TYPE, parse } from "@formatjs/icu-messageformat-parser";

const FOLDER = fileURLToPath(new URL("src/locale/", import.meta.url));
export const LANGUAGES = readdirSync(FOLDER).filter((name) => name.endsWith(".json")).map((name) => basename(name, ".json"));
const RTL = ["ar"];

/** Counts by which forms are judged: a form that serves several of them has to say which. */
const SAMPLE = Array.from({ length: 201 }, (_, count) => count);

/** What is wrong with a table, in sentences; `english` is what all others are compared with. */
export function faults(language, messages, english) {
  const found = [];
  for (const key of Object.keys(english)) if (!(key in messages)) found.push(`${language}: "${key}" is missing`);
  for (const [key, message] of Object.entries(messages)) {
    if (!(key in english)) {
      found.push(`${language}: "${key}" is unknown, English does not have it`);
      continue;
    }
    try {
      const { forms, placeholders } = compiled(language, message);
      const wanted = compiled("en", english[key]).placeholders;
      if (placeholders.join() !== wanted.join()) throw new Error(`has the placeholders [${placeholders}], not [${wanted}]`);
      if (Object.values(forms).some((form) => form.trim() === "")) throw new Error("is empty");
    } catch (error) {
      found.push(`${language}: "${key}" ${error.message}`);
    }
  }
  return found;
}

/** `{ forms, placeholders }` of one message; `forms` by plural category, or `text` alone. Throws for what is not supported. */
function compiled(language, message) {
  const nodes = parse(message, { ignoreTag: true, captureLocation: false });
  const plurals = nodes.filter(({ type }) => type === TYPE.plural);
  if (plurals.length > 1) throw new Error("has two plurals: split it into two messages");
  const [plural] = plurals;
  const placeholders = new Set();
  const text = (parts, inPlural = false) => parts.map((node) => {
    if (node.type === TYPE.literal) {
      if (/[|{}]|#/.test(node.value)) throw new Error("has one of | { } # as text, which mean something in what is shipped");
      return node.value;
    }
    if (node.type === TYPE.argument) {
      placeholders.add(node.value);
      return `{${node.value}}`;
    }
    if (node.type === TYPE.pound && inPlural) return "#";
    throw new Error("uses a kind of placeholder other than {name} and {count, plural, …}");
  }).join("");
  if (plural === undefined) return { forms: { text: text(nodes) }, placeholders: [...placeholders].sort() };
  if (plural.value !== "count" || plural.pluralType !== "cardinal" || plural.offset) throw new Error("has a plural that is not {count, plural, …}");
  const at = nodes.indexOf(plural);
  const categories = categoriesOf(language);
  const rules = new Intl.PluralRules(language);
  const forms = {};
  for (const category of categories) {
    const option = plural.options[category];
    if (option === undefined) throw new Error(`lacks the plural form "${category}", which ${language} has`);
    forms[category] = text([...nodes.slice(0, at)]) + text(option.value, true) + text(nodes.slice(at + 1));
    const served = SAMPLE.filter((count) => rules.select(count) === category);
    if (served.length > 1 && !forms[category].includes("#")) {
      throw new Error(`does not say the number (#) in the form "${category}", which serves ${served.slice(0, 3).join(", ")}…`);
    }
  }
  for (const name of Object.keys(plural.options)) {
    if (!categories.includes(name)) throw new Error(`has the plural form "${name}", which ${language} does not have`);
  }
  return { forms, placeholders: ["count", ...placeholders].sort() };
}

/** Plural categories of whole and broken numbers, in an order that is always the same. */
function categoriesOf(language) {
  const has = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  return ["zero", "one", "two", "few", "many", "other"].filter((category) => has.includes(category));
}

function read(language) {
  return JSON.parse(readFileSync(join(FOLDER, `${language}.json`), "utf8"));
}

/** What the widget gets for one language: `{ locale, rtl, plurals, … }` and each key with its string. Throws with all faults. */
export function table(language) {
  const [messages, english] = [read(language), read("en")];
  const wrong = faults(language, messages, english);
  if (wrong.length > 0) throw new Error(`Sentences of the widget:\n  ${wrong.join("\n  ")}`);
  const strings = Object.keys(english).map((key) => [key, Object.values(compiled(language, messages[key]).forms).join("|")]);
  return { locale: language, rtl: RTL.includes(language), plurals: categoriesOf(language), ...Object.fromEntries(strings) };
}

const TABLES = /src\/locale\/(\w+)\.json$/;

const VIEW = /src\/(view|embed)\/[\w-]+\.tsx?$/;
const KEYS = Object.keys(table("en"));

/** What is shipped has no keys: `strings.send` is `strings[14]`, and a table is a list. */
export function numbered(code, path) {
  if (/\}: Strings\b|\} = strings\b|\bstrings(\?\.|\[)/.test(code)) throw new Error(`${path}: write \`strings.key\`, nothing else becomes short`);
  return code.replace(/\bstrings\.(\w+)/g, (all, key) => (KEYS.includes(key) ? `strings[${KEYS.indexOf(key)}]` : all));
}

/** The list that is shipped for one language. */
export const list = (language) => JSON.stringify(Object.values(table(language)));

/** Files of the parts that `src/view/extras.ts` fetches: English sentences that only these use come with them. */
const LATE_FILES = /^(refusals|notice|sentences|manners|minimap|list-filter|copy-link|body|mention-list|reactions|reaction-picker|thread-end|bar-extras)\.tsx?$/;

/** Number of a key → its sentence: for the parts; the English that is in the first file has them empty. */
function late() {
  const view = fileURLToPath(new URL("src/view/", import.meta.url));
  const early = readdirSync(view).filter((name) => !LATE_FILES.test(name)).map((name) => readFileSync(join(view, name), "utf8")).join("\n");
  const english = Object.entries(table("en")).map(([key, text], index) => [index, key, text]);
  const last = english.filter(([index, key]) => index > 2 && !new RegExp(`\\bstrings\\.${key}\\b`).test(early));
  return Object.fromEntries(last.map(([index, , text]) => [index, text]));
}

const shipped = (language) => (language === "en" ? JSON.stringify(Object.values(table("en")).map((text, index) => (index in late() ? "" : text))) : list(language));

/** For esbuild: tables and their users as they are shipped. */
export const localeTables = {
  name: "locale tables",
  setup(bundler) {
    bundler.onLoad({ filter: TABLES }, ({ path }) => ({ contents: shipped(path.match(TABLES)[1]), loader: "json" }));
    bundler.onLoad({ filter: /view\/late\.ts$/ }, () => ({ contents: `export const LATE = ${JSON.stringify(late())}`, loader: "ts" }));
    bundler.onLoad({ filter: VIEW }, ({ path }) => ({ contents: numbered(readFileSync(path, "utf8"), path), loader: path.endsWith("x") ? "tsx" : "ts" }));
  },
};

/** For vitest: tables with their keys. */
export const localeTablesForTests = {
  name: "locale tables",
  enforce: "pre",
  load(id) {
    const [, language] = id.match(TABLES) ?? [];
    return language === undefined ? undefined : JSON.stringify(table(language));
  },
};
