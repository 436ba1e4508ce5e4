import { STYLES } from "./styles";

let sheet: CSSStyleSheet | null = null;
let text = STYLES;

/** The one sheet of all our shadow roots. */
export function ourSheet(): CSSStyleSheet {
  if (sheet === null) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
  }
  return sheet;
}

/** What a part brings along. */
export function addStyles(more: string): void {
  text += more;
  ourSheet().replaceSync(text);
}
