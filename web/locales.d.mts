import type { Plugin } from "vite";
type Messages = Readonly<Record<string, string>>;
export const LANGUAGES: readonly string[];
export function faults(language: string, messages: Messages, english: Messages): string[];
export function table(language: string): Readonly<Record<string, unknown>>;
export function list(language: string): string;
export function numbered(code: string, path: string): string;
export const localeTablesForTests: Plugin;
