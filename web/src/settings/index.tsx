// What can be set: of the account, where it holds on all devices, and of this device.
//
// Promises: what is changed is saved at once, and says so; what the server refuses is as it was before, with the reason in words; what was typed
// stays typed. A page needs no connection to be read again.
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { href } from "../app/route";
import { t } from "../i18n";
import { Icon, type IconName } from "../ui";
import { About } from "./about";
import { Account } from "./account";
import { Appearance } from "./appearance";
import { Identities } from "./identities";
import { Notifications } from "./notifications";
import { People } from "./people";
import { Privacy } from "./privacy";
import css from "./settings.module.css";
import { Shortcuts } from "./shortcuts";
import { Vacation } from "./vacation";
import { Writing } from "./writing";

interface Page {
  name:
    | "account"
    | "identities"
    | "vacation"
    | "notifications"
    | "privacy"
    | "people"
    | "writing"
    | "appearance"
    | "shortcuts"
    | "about";
  icon: IconName;
  show: ComponentType;
}

const pages: readonly Page[] = [
  { name: "account", icon: "person", show: Account },
  { name: "identities", icon: "pen", show: Identities },
  { name: "vacation", icon: "calendar", show: Vacation },
  { name: "notifications", icon: "bell", show: Notifications },
  { name: "privacy", icon: "eye", show: Privacy },
  { name: "people", icon: "people", show: People },
  { name: "writing", icon: "text", show: Writing },
  { name: "appearance", icon: "sun", show: Appearance },
  { name: "shortcuts", icon: "keyboard", show: Shortcuts },
  { name: "about", icon: "info", show: About },
];

/** The pages beside each other's names; on a phone the names first, then one page. */
export function Settings({ page }: { page: string }) {
  const chosen = pages.find((p) => p.name === page);
  const shown = chosen ?? pages[0]!;
  const Shown = shown.show;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (chosen) heading.current?.focus({ preventScroll: true });
  }, [page]);
  return (
    <div class={css.settings} data-page={chosen?.name}>
      <nav class={css.pages} aria-label={t("settings.title")}>
        <a class={css.back} href={href({})}>
          <Icon name="arrowLeft" size={18} />
          {t("settings.toMail")}
        </a>
        <h1>{t("settings.title")}</h1>
        <ul>
          {pages.map((p) => (
            <li key={p.name}>
              <a href={href({ view: "settings", page: p.name })} aria-current={p === shown ? "page" : undefined}>
                <Icon name={p.icon} size={20} />
                <span>{t(`settings.page.${p.name}`)}</span>
                <Icon name="chevronRight" size={16} />
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class={css.page} key={shown.name}>
        <a class={`${css.back} ${css.narrowOnly}`} href={href({ view: "settings" })}>
          <Icon name="arrowLeft" size={18} />
          {t("settings.title")}
        </a>
        <h2 ref={heading} tabIndex={-1} class={css.heading}>
          {t(`settings.page.${shown.name}`)}
        </h2>
        <Shown />
      </div>
    </div>
  );
}
