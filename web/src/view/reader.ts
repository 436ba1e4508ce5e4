/** A part: what this reader has read, looks for, deleted, been refused. */
import { passes } from "../people/filter";
import { LATE } from "./late";
import { ListFilter } from "./list-filter";
import { Notices, UndoBar } from "./notice";
import { Reading } from "./reading";
import { Undo } from "./undo";

export default { LATE, ListFilter, Notices, Reading, Undo, UndoBar, passes };
