import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TextIndex } from "../../src/anchoring/text-index";
import { SCRIPTS, prose } from "./prose";

export interface Sample {
  readonly name: string;
  /** What a word is followed by; nothing in a script without spaces. */
  readonly space: string;
  /** Thresholds may be chosen by looking at this one, and only at this one. */
  readonly fitting?: true;
  /** Small enough for the reduced run. */
  readonly small?: true;
  /** The normalised text; throws if its file is not on this machine. */
  readonly read: () => string;
}

/** Reads an HTML text into a document. */
export type Parse = (html: string) => Document;

/** Where rustup put the documents of its toolchain. */
function rustDocs(): string {
  return join(execFileSync("rustc", ["--print", "sysroot"], { encoding: "utf8" }).trim(), "share/doc/rust/html");
}

/** The texts of the benchmark. Files are the repository's own or of Debian packages that are named with them. */
export function samples(web: string, parse: Parse): Sample[] {
  const article = (path: string, selector: string) => (): string => {
    const root = parse(readFileSync(path, "utf8")).querySelector(selector);
    if (root === null) throw new Error(`${path} has no ${selector}`);
    return new TextIndex(root).text;
  };
  const plain = (path: string) => (): string => readFileSync(path, "utf8").normalize("NFC").replace(/\s+/g, " ").trim();
  return [
    { name: "Federalist No. 10 (HTML)", space: " ", fitting: true, small: true, read: article(join(web, "demo/index.html"), "#article") },
    { name: "Apache licence", space: " ", small: true, read: plain(join(web, "../LICENSE")) },
    { name: "Valgrind manual (HTML, valgrind)", space: " ", read: article("/usr/share/doc/valgrind/html/manual-core.html", "body") },
    { name: "Rust book (HTML, rust-docs)", space: " ", read: () => article(join(rustDocs(), "book/print.html"), "main")() },
    { name: "LGPL 3 (base-files)", space: " ", read: plain("/usr/share/common-licenses/LGPL-3") },
    { name: "GPL 3 (base-files)", space: " ", read: plain("/usr/share/common-licenses/GPL-3") },
    { name: "Node streams (HTML, nodejs-doc)", space: " ", read: article("/usr/share/doc/nodejs/api/stream.html", "#apicontent") },
    { name: "Vim functions (vim-runtime)", space: " ", read: plain("/usr/share/vim/vim90/doc/builtin.txt") },
    { name: "made, Cyrillic", space: " ", small: true, read: () => prose(SCRIPTS.cyrillic, 60_000, 21) },
    { name: "made, Arabic", space: " ", read: () => prose(SCRIPTS.arabic, 120_000, 22) },
    { name: "made, Han", space: "", small: true, read: () => prose(SCRIPTS.han, 40_000, 23) },
    { name: "made, Latin", space: " ", read: () => prose(SCRIPTS.latin, 2_000_000, 24) },
  ];
}
