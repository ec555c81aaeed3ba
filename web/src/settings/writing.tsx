import { t } from "../i18n";
import { preferences } from "../preferences";
import { Switch } from "../ui";
import { Choice, Section } from "./parts";

/** How one writes on this device. */
export function Writing() {
  const p = preferences;
  return (
    <>
      <Section title={t("settings.writing.sending")}>
        <Choice
          label={t("settings.writing.undo")}
          value={p.undoSeconds.value}
          options={([0, 5, 10, 20, 30] as const).map((value) => ({
            value,
            text: value === 0 ? t("settings.writing.noUndo") : t("settings.writing.seconds", { n: value }),
          }))}
          choose={(v) => p.undoSeconds.set(v)}
        />
        <Switch
          label={t("settings.writing.enter")}
          help={t("settings.writing.enterHelp")}
          checked={p.enterSends.value}
          onSwitch={(v) => p.enterSends.set(v)}
        />
      </Section>
      <Section title={t("settings.writing.answers")}>
        <Choice
          label={t("settings.writing.default")}
          value={p.defaultReply.value}
          options={(["sender", "all"] as const).map((value) => ({ value, text: t(`settings.writing.${value}`) }))}
          choose={(v) => p.defaultReply.set(v)}
        />
        <Switch
          label={t("settings.writing.plain")}
          help={t("settings.writing.plainHelp")}
          checked={p.plainText.value}
          onSwitch={(v) => p.plainText.set(v)}
        />
      </Section>
    </>
  );
}
