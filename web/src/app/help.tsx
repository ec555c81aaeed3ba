import { signal } from "@preact/signals";
import { t } from "../i18n";
import { Dialog, readable, rooms, type Shortcut } from "../ui";
import css from "./app.module.css";

export const helpShown = signal(false);

/** What the keyboard can do at this moment: the shortcuts of all rooms that are shown, those that are nearest first. */
export function Help() {
  if (!helpShown.value) return null;
  const named = new Map<string, Shortcut[]>();
  for (const room of rooms.value.toReversed()) {
    const all = named.get(t(room.name)) ?? [];
    all.push(...room.shortcuts().filter((s) => !all.some((other) => other.keys === s.keys)));
    named.set(t(room.name), all);
  }
  return (
    <Dialog
      title={t("app.shortcuts")}
      wide
      scrolls
      close={() => {
        helpShown.value = false;
      }}
    >
      <div class={css.help}>
        {[...named].map(([name, shortcuts]) => (
          <section key={name}>
            <h3>{name}</h3>
            <dl>
              {together(shortcuts).map(([text, keys]) => (
                <div key={text}>
                  <dt>{text}</dt>
                  <dd translate={false}>
                    {keys.map((k) => (
                      <kbd key={k}>{readable(k)}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

/** Shortcuts that do the same stand in one line. */
function together(shortcuts: readonly Shortcut[]): [string, string[]][] {
  const lines = new Map<string, string[]>();
  for (const s of shortcuts) lines.set(t(s.text), [...(lines.get(t(s.text)) ?? []), s.keys]);
  return [...lines];
}
