export const INTERNAL: readonly string[];
export function bundle(entry: string, format: "iife" | "esm"): Promise<string>;
