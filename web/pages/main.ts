/** One state of the widget, named by the address: `?state=thread&lang=ar&theme=dark`; without one, all of them. */
import ar from "../src/locale/ar.json";
import de from "../src/locale/de.json";
import es from "../src/locale/es.json";
import fr from "../src/locale/fr.json";
import ja from "../src/locale/ja.json";
import ru from "../src/locale/ru.json";
import { type Strings, english } from "../src/view/strings";
import { Stage } from "./stage";
import { STATES } from "./states";

const LANGUAGES: Readonly<Record<string, unknown>> = { en: english, ar, de, es, fr, ja, ru };

const asked = new URLSearchParams(location.search);
const language = asked.get("lang") ?? "en";
const theme = asked.get("theme") ?? "light";
const root = document.documentElement;
root.lang = language;
root.dir = language === "ar" ? "rtl" : "ltr";
root.dataset["theme"] = theme;

declare global {
  var stage: Stage;
  var stateNames: readonly string[];
}
globalThis.stateNames = Object.keys(STATES);

const state = asked.get("state");
if (state === null) overview();
else {
  const show = STATES[state];
  if (show === undefined) throw new Error(`There is no state "${state}".`);
  globalThis.stage = new Stage(LANGUAGES[language] as Strings, language, theme);
  await show(stage);
  await stage.drawn();
  root.dataset["ready"] = "";
}

function overview(): void {
  const list = document.createElement("div");
  list.className = "overview";
  for (const name of stateNames) {
    const address = `?${new URLSearchParams({ state: name, lang: language, theme })}`;
    const figure = document.createElement("figure");
    const link = Object.assign(document.createElement("a"), { href: address, textContent: name });
    const frame = Object.assign(document.createElement("iframe"), { src: address, title: name, loading: "lazy" });
    figure.append(link, frame);
    list.append(figure);
  }
  const ways = document.createElement("nav");
  for (const lang of Object.keys(LANGUAGES)) {
    for (const look of ["light", "dark"]) ways.append(Object.assign(document.createElement("a"), { href: `?lang=${lang}&theme=${look}`, textContent: `${lang} ${look}` }), " ");
  }
  document.body.append(ways, list);
}
