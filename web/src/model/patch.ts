// What an action changes of an email, as a difference: so that actions may overlap with each other and with what other devices do.

import type { Email, Id, IdSet, PatchObject } from "../jmap";

/** What becomes of an email. */
export interface EmailPatch {
  readonly keywords?: { readonly [keyword: string]: boolean };
  readonly mailboxes?: { readonly [id: Id]: boolean };
  readonly destroyed?: true;
}

/** The email as it is then: the same object where nothing of it changes, undefined where it is destroyed. */
export function applyPatch(email: Email, patch: EmailPatch): Email | undefined {
  if (patch.destroyed) return undefined;
  const keywords = applySet(email.keywords, patch.keywords);
  const mailboxIds = applySet(email.mailboxIds, patch.mailboxes);
  if (keywords === email.keywords && mailboxIds === email.mailboxIds) return email;
  return { ...email, ...(keywords && { keywords }), ...(mailboxIds && { mailboxIds }) };
}

function applySet(set: IdSet | undefined, changes: EmailPatch["keywords"]): IdSet | undefined {
  if (!set || !changes || !Object.entries(changes).some(([k, on]) => k in set !== on)) return set;
  const out: Record<string, true> = { ...set };
  for (const [k, on] of Object.entries(changes)) {
    if (on) out[k] = true;
    else delete out[k];
  }
  return out;
}

/** What takes a patch back from an email that it has not been applied to yet: only what it really changes. */
export function inverseOf(email: Email, patch: EmailPatch): EmailPatch {
  return {
    ...inverseSet("keywords", email.keywords, patch.keywords),
    ...inverseSet("mailboxes", email.mailboxIds, patch.mailboxes),
  };
}

function inverseSet(name: "keywords" | "mailboxes", set: IdSet = {}, changes: EmailPatch["keywords"] = {}): EmailPatch {
  const changed = Object.entries(changes).filter(([k, on]) => k in set !== on);
  return changed.length === 0 ? {} : { [name]: Object.fromEntries(changed.map(([k, on]) => [k, !on])) };
}

export function isEmpty(patch: EmailPatch): boolean {
  return !patch.destroyed && !patch.keywords && !patch.mailboxes;
}

/** Without what an email is already. */
export function needed(email: Email, patch: EmailPatch): EmailPatch {
  if (patch.destroyed) return patch;
  return inverseOf(applyPatch(email, patch)!, inverseOf(email, patch));
}

/** The patch as JMAP has it (RFC 8620 5.3). */
export function wirePatch(patch: EmailPatch): PatchObject {
  const out: PatchObject = {};
  for (const [k, on] of Object.entries(patch.keywords ?? {})) out[`keywords/${pointer(k)}`] = on || null;
  for (const [id, on] of Object.entries(patch.mailboxes ?? {})) out[`mailboxIds/${pointer(id)}`] = on || null;
  return out;
}

/** A part of a path (RFC 6901 3): keywords may hold "~" and "/". */
function pointer(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}
