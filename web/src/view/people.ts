/** A part: what people write, as it is read and written with all that is in it. */
import { plainText } from "../people/markup";
import { readable, written } from "../people/mentions";
import { Body } from "./body";
import { CopyLink } from "./copy-link";
import { MentionList } from "./mention-list";
import { Reactions } from "./reactions";
import { End } from "./thread-end";

export default { Body, CopyLink, End, MentionList, Reactions, plainText, readable, written };
