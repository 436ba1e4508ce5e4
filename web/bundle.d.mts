export const INTERNAL: readonly string[];
export function bundle(entry: string, format: "iife" | "esm"): Promise<string>;
export interface Part {
  /** Path of the file that it begins with, from web/. */
  readonly source: string;
  /** Where it is, from the widget's own address. */
  readonly path: string;
  readonly code: string;
  readonly integrity: string;
}
export function widgetParts(): Promise<readonly Part[]>;
