import { t } from "../i18n";
import { readable } from "../ui";
import { table } from "./keys";
import css from "./settings.module.css";

/** All keys, of all rooms: those that work at a moment are shown by the key "?". */
export function Shortcuts() {
  return (
    <>
      <p class={css.help}>{t("settings.keys.help")}</p>
      <div class={css.keys}>
        {table.map((group) => (
          <section key={group.title}>
            <h3>{t(group.title)}</h3>
            <dl>
              {group.keys.map((k) => (
                <div key={k.text}>
                  <dt>{t(k.text)}</dt>
                  <dd translate={false}>
                    {k.keys.map((key) => (
                      <kbd key={key}>{readable(key)}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </>
  );
}
