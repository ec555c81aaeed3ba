import { languages, t } from "../i18n";
import { preferences } from "../preferences";
import { SelectField } from "../ui";
import { Choice, Section } from "./parts";
import css from "./settings.module.css";

export function Appearance() {
  const p = preferences;
  return (
    <>
      <Section title={t("settings.look.theme")}>
        <fieldset class={css.themes}>
          <legend class="visually-hidden">{t("settings.look.theme")}</legend>
          {(["system", "light", "dark"] as const).map((look) => (
            <label key={look} class={css.card}>
              <span class={css.preview} data-look={look} aria-hidden="true">
                <i />
                <i />
                <i />
              </span>
              <span>
                <input type="radio" name="theme" checked={p.theme.value === look} onChange={() => p.theme.set(look)} />
                {t(`settings.look.${look}`)}
              </span>
            </label>
          ))}
        </fieldset>
      </Section>
      <Section title={t("settings.look.room")}>
        <Choice
          label={t("settings.look.density")}
          value={p.density.value}
          options={(["comfortable", "compact"] as const).map((value) => ({ value, text: t(`settings.look.${value}`) }))}
          choose={(v) => p.density.set(v)}
        />
        <Choice
          label={t("settings.look.pane")}
          value={p.readingPane.value}
          options={(["side", "off"] as const).map((value) => ({ value, text: t(`settings.look.pane.${value}`) }))}
          choose={(v) => p.readingPane.set(v)}
        />
      </Section>
      <Section title={t("settings.look.language")}>
        <SelectField
          label={t("settings.look.languageOf")}
          user
          value={p.language.value}
          options={[
            { value: "", text: t("settings.look.browser") },
            ...Object.entries(languages).map(([value, l]) => ({ value, text: l.name })),
          ]}
          onChoose={(v) => p.language.set(v)}
        />
      </Section>
    </>
  );
}
