// Why something was not done, in words for a person.

import { t } from "../i18n";
import { size } from "../i18n/format";
import { ConnectionError, MethodError, ObjectError, RequestError, SignedOutError } from "../jmap";
import type { Trouble } from "./types";

/** Catalogue keys of the types of MethodError and SetError (RFC 8620 3.6.2, 5.3; RFC 8621; docs/jmap-live.md). */
const keys: Readonly<Record<string, Trouble["key"]>> = {
  overQuota: "model.overQuota",
  maxQuotaReached: "model.overQuota",
  tooLarge: "model.tooLarge",
  requestTooLarge: "model.tooMany",
  tooManyChanges: "model.tooMany",
  tooManyKeywords: "model.tooMany",
  tooManyMailboxes: "model.tooMany",
  rateLimit: "model.rateLimit",
  forbidden: "model.forbidden",
  forbiddenFrom: "model.forbidden",
  forbiddenMailFrom: "model.forbidden",
  forbiddenToSend: "model.forbidden",
  notFound: "model.notFound",
  anchorNotFound: "model.notFound",
  accountNotFound: "model.notFound",
  blobNotFound: "model.notFound",
  accountReadOnly: "model.readOnly",
  alreadyExists: "model.exists",
  mailboxHasChild: "model.hasChild",
  mailboxHasEmail: "model.hasEmail",
  invalidProperties: "model.invalid",
  invalidPatch: "model.invalid",
  invalidArguments: "model.invalid",
  invalidEmail: "model.invalid",
  noRecipients: "model.invalid",
  invalidRecipients: "model.invalid",
  tooManyRecipients: "model.tooMany",
  unsupportedFilter: "model.cannotSearch",
  unsupportedSort: "model.cannotSearch",
  serverUnavailable: "model.serverUnavailable",
  serverFail: "model.serverFail",
  serverPartialFail: "model.serverFail",
};

export function troubleOf(cause: unknown): Trouble {
  const because = (key: Trouble["key"], holes: Trouble["holes"] = {}): Trouble => ({ key, holes, cause });
  if (isTrouble(cause)) return cause;
  if (cause instanceof SignedOutError) return because("model.signedOut");
  if (cause instanceof ConnectionError) return because(cause.mayHaveHappened ? "model.unanswered" : "model.offline");
  if (cause instanceof RequestError) return because(...ofRequest(cause));
  if (cause instanceof MethodError || cause instanceof ObjectError) {
    const why = cause.description || cause.type;
    return because(keys[cause.type] ?? "model.unexpected", { why });
  }
  return because("model.unexpected", { why: cause instanceof Error ? cause.message : String(cause) });
}

function ofRequest(e: RequestError): [key: Trouble["key"], holes?: Trouble["holes"]] {
  if (e.limit === "maxSizeUpload" || e.status === 413) {
    const most = Number(/\d+/.exec(e.detail)?.[0]);
    return most > 0 ? ["model.tooLargeFor", { size: size(most) }] : ["model.tooLarge"];
  }
  if (e.status === 507) return ["model.overQuota"];
  if (e.status === 429) return ["model.busy"];
  if (e.status === 403) return ["model.forbidden"];
  if (e.status === 404 || e.status === 410) return ["model.notFound"];
  if (e.status === 503) return ["model.serverUnavailable"];
  if (e.status >= 500) return ["model.serverFail"];
  return ["model.unexpected", { why: e.detail || e.message }];
}

function isTrouble(x: unknown): x is Trouble {
  return typeof x === "object" && x !== null && "key" in x && "holes" in x && "cause" in x;
}

/** The words of a trouble, in the language that is shown. */
export function say(trouble: Trouble): string {
  return t(trouble.key, trouble.holes);
}
