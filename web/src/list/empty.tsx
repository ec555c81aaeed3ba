import { href } from "../app/route";
import { type Key, t } from "../i18n";
import { Icon, type IconName } from "../ui";
import css from "./list.module.css";
import type { Shown } from "./spec";

const texts: Readonly<Record<string, { icon: IconName; title: Key; help: Key }>> = {
  inbox: { icon: "inbox", title: "list.emptyInbox", help: "list.emptyInboxHelp" },
  priority: { icon: "important", title: "list.emptyPriority", help: "list.emptyPriorityHelp" },
  drafts: { icon: "draft", title: "list.emptyDrafts", help: "list.emptyDraftsHelp" },
  sent: { icon: "send", title: "list.emptySent", help: "list.emptySentHelp" },
  snoozed: { icon: "snooze", title: "list.emptySnoozed", help: "list.emptySnoozedHelp" },
  junk: { icon: "junk", title: "list.emptyJunk", help: "list.emptyJunkHelp" },
  trash: { icon: "trash", title: "list.emptyTrash", help: "list.emptyTrashHelp" },
  search: { icon: "search", title: "list.emptySearch", help: "list.emptySearchHelp" },
  other: { icon: "folder", title: "list.emptyFolder", help: "list.emptyFolderHelp" },
};

/** What stands where there is no mail. */
export function Empty({ shown }: { shown: Shown }) {
  const kind = shown.query !== undefined ? "search" : shown.priority ? "priority" : (shown.mailbox?.role ?? "other");
  const { icon, title, help } = texts[kind] ?? texts.other!;
  return (
    <div class={css.empty}>
      <span class={css.emptyIcon}>
        <Icon name={icon} size={32} />
      </span>
      <h2>{t(title)}</h2>
      <p>{t(help)}</p>
      {shown.query && !/\b(in|label):/i.test(shown.query) && (
        <a href={href({ view: "search", query: `${shown.query} in:anywhere` })}>{t("list.searchEverywhere")}</a>
      )}
    </div>
  );
}
