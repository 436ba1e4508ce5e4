import { describe, expect, it } from "vitest";
import { STYLES } from "../../src/view/styles";

type Colour = readonly [number, number, number];

/** The custom properties of a block of the style sheet, with what a site would change left at its default. */
function palette(block: string): Record<string, Colour> {
  const found = [...block.matchAll(/--([\w-]+): (?:var\(--parley-[\w-]+, )?#([0-9a-f]{6})\)?;/g)];
  return Object.fromEntries(found.map(([, name, hex]) => [name, [0, 2, 4].map((at) => parseInt((hex as string).slice(at, at + 2), 16) / 255)]));
}

/** WCAG 2.2: relative luminance. */
function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as unknown as Colour;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: Colour, other: Colour): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const blocks = [...STYLES.matchAll(/color-scheme: (light|dark);([^}]*)\}/g)].map(([, look, block]) => [look, palette(block as string)] as const);

/** Words on what they stand on. */
const WORDS = [["ink", "bg"], ["ink", "soft"], ["dim", "bg"], ["dim", "soft"], ["accent", "bg"], ["accent", "soft"], ["on-accent", "accent"], ["warn", "warn-bg"], ["warn", "soft"], ["warn", "bg"], ["ink", "warn-bg"], ["dim", "warn-bg"]] as const;

it("the palette is light once and dark twice: by the system, and by the option", () => {
  expect(blocks.map(([look]) => look)).toEqual(["light", "dark", "dark"]);
  expect(blocks[1]?.[1]).toEqual(blocks[2]?.[1]);
});

describe.each(blocks)("the %s palette", (_, colours) => {
  it.each(WORDS)("%s on %s can be read: at least 4.5 to 1", (words, ground) => {
    expect(contrast(colours[words] as Colour, colours[ground] as Colour)).toBeGreaterThanOrEqual(4.5);
  });

  it("rings, edges of fields and the mark of a quote can be told from their ground: at least 3 to 1", () => {
    for (const [line, ground] of [["accent", "bg"], ["dim", "bg"], ["dim", "soft"]] as const) {
      expect(contrast(colours[line] as Colour, colours[ground] as Colour)).toBeGreaterThanOrEqual(3);
    }
  });
});

it("a person's letter can be read on any of the colours that people get", () => {
  for (let hue = 0; hue < 360; hue += 1) {
    const channel = (n: number): number => {
      const k = (n + hue / 30) % 12;
      return 0.32 - 0.45 * 0.32 * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    };
    expect(contrast([1, 1, 1], [channel(0), channel(8), channel(4)])).toBeGreaterThanOrEqual(4.5);
  }
});
