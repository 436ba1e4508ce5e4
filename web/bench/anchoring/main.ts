import { JSDOM } from "jsdom";
import { Haystack } from "../../src/anchoring/haystack";
import { neighbourhoods } from "../../src/anchoring/surroundings";
import { split } from "./edits";
import { type Sample, samples } from "./texts";
import { type Outcome, type Trial, run } from "./trials";

const BARS = { right: 0.97, wrong: 0.004, deleted: 0.01 };
const SEED = 20_260_701;
const TIMES = Number(process.env["TIMES"] ?? 1);
const COUNT = { keeps: Math.ceil(25 * TIMES), deletes: Math.ceil(40 * TIMES) };
/** A text with a larger share of repeated passages than this is full of twins; it is shown, and counted apart. */
const REPEATS = 0.05;
const [web = ".", ...wanted] = process.argv.slice(2);
const only = wanted.filter((word) => !word.startsWith("--"));
const quick = wanted.includes("--quick");

class Tally {
  readonly count: Record<Outcome, number> = { right: 0, wrong: 0, "guessed right": 0, "guessed wrong": 0, missed: 0 };
  all = 0;

  add(outcome: Outcome): void {
    this.count[outcome] += 1;
    this.all += 1;
  }

  share(outcome: Outcome): number {
    return this.count[outcome] / Math.max(1, this.all);
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`.padStart(9);

function line(name: string, edited: Tally, deleted: Tally, ms: number): string {
  return [
    name.padEnd(33), String(edited.all).padStart(5), percent(edited.share("right")), percent(edited.share("wrong")),
    percent(edited.share("guessed right")), percent(edited.share("guessed wrong")), percent(edited.share("missed")),
    String(deleted.all).padStart(5), percent(deleted.share("wrong")), percent(deleted.share("guessed wrong")), ms.toFixed(1).padStart(8),
  ].join(" ");
}

/** The share of a text's passages of eight words that stand in it more than once. */
function repeated(text: string, space: string): number {
  const words = split(text, space);
  const count = new Map<string, number>();
  for (let at = 0; at + 8 <= words.length; at += 1) {
    const passage = words.slice(at, at + 8).join(" ");
    count.set(passage, (count.get(passage) ?? 0) + 1);
  }
  const twice = [...count.values()].reduce((sum, times) => (times > 1 ? sum + times : sum), 0);
  return twice / Math.max(1, words.length - 7);
}

function table<Key>(title: string, groups: Map<Key, Tally>): void {
  console.log(`\n${title}`);
  for (const [key, tally] of groups) {
    console.log(`  ${String(key).padEnd(33)} ${Object.entries(tally.count).map(([outcome, count]) => `${outcome} ${count}`).join(", ")}`);
  }
}

function at<Key>(groups: Map<Key, Tally>, key: Key): Tally {
  const known = groups.get(key) ?? new Tally();
  groups.set(key, known);
  return known;
}

function show({ edit, outcome, anchor, page, found }: Trial): void {
  const near = neighbourhoods(anchor.hint.split(".").slice(3).join("."), new Haystack(page.text).words, anchor.position.end - anchor.position.start, anchor.position.start);
  console.log(`   true ${page.start}-${page.end}, found ${found.start}; ${near.map(({ from, until, share, start, end }) => `${from}-${until}:${share.toFixed(2)}:${start}-${end}`).join(" ")}; was ${anchor.position.start} ${JSON.stringify(anchor.hint)}`);
  const got = found.state === "orphan" ? "" : page.text.slice(found.start, found.end).slice(0, 60);
  console.log(`  ${outcome} | ${edit} | «${anchor.quote.exact.slice(0, 60)}» → ${found.state} «${got}», true «${page.text.slice(page.start, page.end).slice(0, 60)}»`);
}

const fitted = { edited: new Tally(), deleted: new Tally() };
const prose = { edited: new Tally(), deleted: new Tally() };
const twins = { edited: new Tally(), deleted: new Tally() };
const byEdit = new Map<string, Tally>();
console.log(`${"text".padEnd(33)} edited   right     wrong   guess ok   guess no    missed  del.    wrong  guess no  ms/anchor  repeats`);
const chosen: Sample[] = samples(web, (html) => new JSDOM(html).window.document).filter(
  ({ name, small, made }) => (quick ? small === true : made !== true) && (only.length === 0 || only.some((word) => name.includes(word))),
);
for (const [number, sample] of chosen.entries()) {
  const tallies = { edited: new Tally(), deleted: new Tally() };
  let ms = 0;
  let text = "";
  try {
    text = sample.read();
  } catch (error) {
    console.log(`${sample.name.padEnd(33)} not on this machine: ${error instanceof Error ? error.message : String(error)}`);
    continue;
  }
  const repeats = repeated(text, sample.space);
  const sum = sample.fitting === true ? fitted : repeats > REPEATS ? twins : prose;
  for (const trial of run(text, sample.space, COUNT, SEED + number)) {
    ms += trial.ms;
    for (const { edited, deleted } of [tallies, sum]) (trial.deletes ? deleted : edited).add(trial.outcome);
    at(byEdit, `${trial.edit}, size ${trial.size}`).add(trial.outcome);
    if (process.env["SHOW"]?.split(",").includes(trial.deletes && trial.outcome === "wrong" ? "deleted" : trial.outcome)) show(trial);
  }
  console.log(line(`${sample.name}, ${Math.round(text.length / 1000)} k`, tallies.edited, tallies.deleted, ms / (tallies.edited.all + tallies.deleted.all)) + percent(repeats));
}
for (const [name, { edited, deleted }] of [["held out", prose], ["held out, full of twins", twins]] as const) console.log(line(name, edited, deleted, 0));
table("by edit and size of quote (0: a word, 1: 3–8 words, 2: 10–25, 3: 60–120)", byEdit);
const held = prose.edited.share("right") >= BARS.right && prose.edited.share("wrong") <= BARS.wrong && prose.deleted.share("wrong") <= BARS.deleted;
console.log(`\nbars: edited right ≥ 97 %, edited wrong ≤ 0.4 %, deleted wrongly anchored ≤ 1 %, over the held-out texts: ${held ? "held" : "MISSED"}`);
process.exitCode = held ? 0 : 1;
