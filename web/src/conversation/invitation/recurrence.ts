// How often an event comes again, in words (RFC 5545 3.3.10). What is said is true; a rule that has no short words is "repeats".
import { t } from "../../i18n";
import { list, number } from "../../i18n/format";
import { locale } from "../../i18n/index";
import { weekdays } from "./zone";

export function recurrence(rule: ReadonlyMap<string, string>): string {
  const how = often(rule);
  const count = Number(rule.get("COUNT"));
  if (count > 0) return t("conversation.repeatsCount", { how, n: count });
  const until = /^(\d{4})(\d\d)(\d\d)/.exec(rule.get("UNTIL") ?? "");
  if (!until) return how;
  const date = new Date(Number(until[1]), Number(until[2]) - 1, Number(until[3]));
  return t("conversation.repeatsUntil", { how, date: date.toLocaleDateString(locale.value, { dateStyle: "long" }) });
}

function often(rule: ReadonlyMap<string, string>): string {
  const n = Math.max(1, Number(rule.get("INTERVAL") ?? 1) || 1);
  const other = ["BYSETPOS", "BYHOUR", "BYYEARDAY", "BYWEEKNO"].some((part) => rule.has(part));
  const by = (rule.get("BYDAY") ?? "").split(",").filter(Boolean);
  if (other) return t("conversation.repeats");
  switch (rule.get("FREQ")) {
    case "DAILY":
      return by.length > 0 ? t("conversation.repeats") : t("conversation.everyDay", { n });
    case "WEEKLY":
      return weekly(n, by);
    case "MONTHLY":
      return monthly(n, by, rule.get("BYMONTHDAY"));
    case "YEARLY":
      return by.length > 0 ? t("conversation.repeats") : t("conversation.everyYear", { n });
    default:
      return t("conversation.repeats");
  }
}

function weekly(n: number, by: readonly string[]): string {
  if (by.length === 0) return t("conversation.everyWeek", { n });
  const workdays = by.length === 5 && !by.includes("SA") && !by.includes("SU");
  if (workdays && n === 1) return t("conversation.everyWorkday");
  return t("conversation.everyWeekOn", { n, days: list(by.map(weekday)) });
}

function monthly(n: number, by: readonly string[], day: string | undefined): string {
  if (by.length === 0 && day && /^\d+$/.test(day))
    return t("conversation.everyMonthOn", { n, day: number(Number(day)) });
  const nth = /^(-?\d)([A-Z]{2})$/.exec(by.length === 1 ? by[0]! : "");
  if (!nth || day) return by.length === 0 && !day ? t("conversation.everyMonth", { n }) : t("conversation.repeats");
  const which = { "1": "first", "2": "second", "3": "third", "4": "fourth", "-1": "last" }[nth[1]!] as
    | "first"
    | "second"
    | "third"
    | "fourth"
    | "last"
    | undefined;
  return which ? t(`conversation.${which}OfMonth`, { n, day: weekday(nth[2]!) }) : t("conversation.repeats");
}

function weekday(code: string): string {
  const day = weekdays.indexOf(code.slice(-2));
  return new Date(2023, 0, 1 + Math.max(0, day)).toLocaleDateString(locale.value, { weekday: "long" }); // a Sunday
}
