// Why something was not sent or kept, in words for a person: what is wrong, and what would be right. Nothing is lost by any of it.
import { t } from "../i18n";
import { list, number, size } from "../i18n/format";
import { troubleOf } from "../model";
import type { Refusal } from "./outbox";
import { refusal } from "./outbox";
import { Lost } from "./uploads";

export function explain(why: Refusal): string {
  const { details } = why;
  const said = why.description;
  switch (why.type) {
    case "overQuota":
      return t("compose.why.overQuota");
    case "tooLarge":
      return typeof details.maxSize === "number"
        ? t("compose.why.tooLarge", { size: size(details.maxSize) })
        : t("compose.why.large");
    case "tooManyRecipients":
      return t("compose.why.manyRecipients", { max: number(Number(details.maxRecipients ?? 0)) });
    case "invalidRecipients": {
      const refused = (details.invalidRecipients as string[]) ?? [];
      // The server names the one that it speaks of.
      const reason = refused.reduce((text, email) => text.replace(`${email}: `, ""), said);
      return t("compose.why.recipients", { who: list(refused.slice(0, 5)), said: reason });
    }
    case "noRecipients":
      return t("compose.why.noRecipients");
    case "forbiddenFrom":
    case "forbiddenMailFrom":
      return t("compose.why.from");
    case "forbiddenToSend":
      return t("compose.why.forbidden", { said });
    case "rateLimit":
      return t("compose.why.rate");
    case "invalidEmail":
      return t("compose.why.invalid", { said });
    case "blobNotFound":
      return t("compose.why.lostFile");
  }
  return said ? t("compose.why.said", { said }) : t("compose.why.unknown");
}

/** The same of what was caught. */
export function explainError(error: unknown): string {
  if (error instanceof Lost) return t("compose.why.lostFile");
  const why = refusal(error);
  if (["overQuota", "tooLarge", "blobNotFound", "rateLimit"].includes(why.type)) return explain(why);
  const { key, holes } = troubleOf(error);
  return t(key, holes);
}
