export interface Match {
  readonly start: number;
  readonly end: number;
  readonly errors: number;
}

/**
 * Where a pattern stands in a text with the fewest errors (letters put in, left out or replaced), if they are no more
 * than `most`. Sellers' algorithm: time is the product of both lengths, so the texts are parts of a page.
 */
export function alike(text: string, pattern: string, most: number): Match[] {
  const size = pattern.length;
  const errors = Uint16Array.from({ length: size + 1 }, (_, at) => at);
  const starts = new Int32Array(size + 1);
  let found: Match[] = [];
  let least = most;
  for (let end = 1; end <= text.length; end += 1) {
    const unit = text.charCodeAt(end - 1);
    // The column before this one is overwritten from the top; what was diagonally above is kept.
    let [above, aboveStart] = [0, end - 1];
    starts[0] = end;
    for (let at = 1; at <= size; at += 1) {
      const before = errors[at] as number;
      const beforeStart = starts[at] as number;
      let cost = above + (pattern.charCodeAt(at - 1) === unit ? 0 : 1);
      let start = aboveStart;
      if (before + 1 < cost) [cost, start] = [before + 1, beforeStart];
      if ((errors[at - 1] as number) + 1 < cost) [cost, start] = [(errors[at - 1] as number) + 1, starts[at - 1] as number];
      [above, aboveStart] = [before, beforeStart];
      errors[at] = cost;
      starts[at] = start;
    }
    const cost = errors[size] as number;
    if (cost > least) continue;
    if (cost < least) found = [];
    least = cost;
    found.push({ start: starts[size] as number, end, errors: cost });
  }
  return found;
}
