/** A discussion's own address is the page's with this fragment. */
const PREFIX = "#parley-";

/** The discussion that a fragment names, if it names one. */
export function linked(hash: string): string | null {
  if (!hash.startsWith(PREFIX)) return null;
  try {
    return decodeURIComponent(hash.slice(PREFIX.length)) || null;
  } catch {
    return null;
  }
}

/** The address of a discussion on the page at `href`. */
export function linkTo(href: string, id: string): string {
  return href.replace(/#.*$/s, "") + PREFIX + encodeURIComponent(id);
}
