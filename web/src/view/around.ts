/** A part: how the panel behaves, faces and what is new in the bar, a paragraph by key, and the look of all parts. */
import { Fresh, Stack } from "./bar-extras";
import { Manners } from "./manners";
import { STYLES } from "./more-styles";
import { discussParagraph } from "./paragraph";

export default { Fresh, Manners, STYLES, Stack, discussParagraph };
