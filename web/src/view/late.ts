/** English sentences that only parts use, by their place in the table: the build fills them in (`locales.mjs`). */
export const LATE: Readonly<Record<string, string>> = {};
