export function written(): Promise<string>;
