// Searching: the line to type in, what could be meant, and what was typed as a filter of the server's.
//
// Promises: every text is searched for as something, and what of it was not understood is told; nothing of what is typed leaves the
// device before one asks for it, but for the beginnings of names, which the account's contacts are looked through for.

import { provide, whenForgetting } from "../app/ports";
import { t } from "../i18n";
import { toFilter } from "./filter";
import { parse } from "./query";
import { forget } from "./recent";

export { SearchBox } from "./box";

export function fillPorts(): void {
  whenForgetting(forget);
  provide("asFilter", (text, mailboxes) => {
    const { filter, problems, mailboxId } = toFilter(parse(text), { mailboxes, now: thisHour() });
    const told = problems.map(({ key, holes }) => t(key, holes));
    return { filter, problems: told, ...(mailboxId && { mailboxId }) };
  });
}

/** The hour that it is: what is found by its age is the same list for as long as it is looked at. */
function thisHour(): Date {
  const now = new Date();
  now.setMinutes(0, 0, 0);
  return now;
}
