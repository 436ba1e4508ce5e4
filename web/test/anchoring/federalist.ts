import html from "../../demo/index.html?raw";

/** The demo's article: 18,000 characters of prose that nobody wrote for a test. */
export function article(): HTMLElement {
  const found = new DOMParser().parseFromString(html, "text/html").querySelector<HTMLElement>("#article");
  if (found === null) throw new Error("the demo has an article");
  return found;
}
