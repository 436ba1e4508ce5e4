/** Writes the tables of docs/widget.md from the types. */
import { readFile, writeFile } from "node:fs/promises";

const PAGE = new URL("../docs/widget.md", import.meta.url);
const SOURCES = { Options: "src/embed/options.ts", TagOptions: "src/embed/tag.ts", ParleyEvents: "src/embed/options.ts" };

/** The members of an interface: [name, optional, type, what its comment says]. */
async function members(name) {
  const text = await readFile(new URL(SOURCES[name], import.meta.url), "utf8");
  const body = text.split(`export interface ${name} {`)[1].split("\n}\n")[0];
  return [...body.matchAll(/\/\*\* (.*?) \*\/\n {2}readonly "?([\w:-]+)"?(\??): (.*);/g)].map(([, says, key, optional, type]) => [key, optional === "?", type, says]);
}

const code = (text) => `\`${text.replaceAll("|", "\\|")}\``;
const table = (head, rows) => [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const dashed = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The custom properties of the style sheet: [name, light, dark, what its comment says]. One without a comment, or the other way round, fails. */
async function properties() {
  const text = await readFile(new URL("src/view/styles.ts", import.meta.url), "utf8");
  const [light, dark] = text.split("color-scheme: dark;");
  const said = [...text.matchAll(/^ \* (--parley-[\w-]+): (.*)$/gm)].map(([, name, says]) => [name, says]);
  const used = new Set([...text.matchAll(/var\((--parley-[\w-]+)/g)].map(([, name]) => name));
  const strange = [...used].filter((name) => !said.some(([known]) => known === name)).concat(said.map(([name]) => name).filter((name) => !used.has(name)));
  if (strange.length > 0) throw new Error(`styles.ts: said and not used, or used and not said: ${strange}`);
  const standard = (block, name) => block.match(new RegExp(`var\\(${name}, ((?:[^()]|\\([^()]*\\))*)\\)`))?.[1];
  return said.map(([name, says]) => [code(name), code(standard(light, name) ?? standard(text, name)), code(standard(dark, name) ?? standard(text, name)), says]);
}

async function tables() {
  return {
    properties: table(["property", "light", "dark", "what it is"], await properties()),
    options: table(["option", "type", "meaning"], (await members("Options")).map(([key, optional, type, says]) => [code(key) + (optional ? "" : ", required"), code(type), says])),
    attributes: table(["script tag", "element", "meaning"], (await members("TagOptions")).map(([key, , , says]) => [code(`data-${dashed(key)}`), code(dashed(key)), says])),
    events: table(["event", "`detail`", "meaning"], (await members("ParleyEvents")).map(([key, , type, says]) => [code(key), code(type.replaceAll("readonly ", "")), says])),
  };
}

/** The page with its tables as the types say. */
export async function written() {
  let page = await readFile(PAGE, "utf8");
  for (const [name, text] of Object.entries(await tables())) {
    page = page.replace(new RegExp(`(<!-- ${name}: generated -->)[^]*?(<!-- end -->)`), (_, begin, end) => `${begin}\n${text}\n${end}`);
  }
  return page;
}

if (process.argv[1] === new URL(import.meta.url).pathname) await writeFile(PAGE, await written());
