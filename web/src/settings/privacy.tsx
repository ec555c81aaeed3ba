import { t } from "../i18n";
import type { LiveSettings } from "../jmap/types";
import { useMail } from "../model";
import { preferences } from "../preferences";
import { Switch } from "../ui";
import { Choice, Loading, Section, useSaving } from "./parts";

export function Privacy() {
  return (
    <>
      <Live />
      <Section title={t("settings.pictures.title")} help={t("settings.pictures.help")}>
        <Choice
          label={t("settings.pictures.when")}
          value={preferences.remotePictures.value}
          options={(["ask", "contacts", "always"] as const).map((value) => ({
            value,
            text: t(`settings.pictures.${value}`),
          }))}
          choose={(v) => preferences.remotePictures.set(v)}
        />
      </Section>
    </>
  );
}

function Live() {
  const { liveSettings } = useMail();
  const s = liveSettings.value.value;
  if (!s) return <Loading trouble={liveSettings.trouble.value} again={() => void liveSettings.load()} />;
  return <LiveForm s={s} />;
}

function LiveForm({ s }: { s: LiveSettings }) {
  const { liveSettings } = useMail();
  const seen = useSaving();
  const displays = useSaving();
  const set = (saving: typeof seen, patch: Partial<LiveSettings>) => void saving.save(() => liveSettings.update(patch));
  return (
    <>
      <Section title={t("settings.live.title")} help={t("settings.live.help")} saving={seen}>
        <Switch
          label={t("settings.live.presence")}
          help={t("settings.live.presenceHelp")}
          checked={s.showsPresence}
          onSwitch={(showsPresence) => set(seen, { showsPresence })}
        />
        <Switch
          label={t("settings.live.typing")}
          checked={s.showsTyping && s.showsPresence}
          disabled={!s.showsPresence}
          onSwitch={(showsTyping) => set(seen, { showsTyping })}
        />
        <Switch
          label={t("settings.live.reading")}
          checked={s.showsReading && s.showsPresence}
          disabled={!s.showsPresence}
          onSwitch={(showsReading) => set(seen, { showsReading })}
        />
      </Section>
      <Section title={t("settings.displays.title")} help={t("settings.displays.help")} saving={displays}>
        <Choice
          label={t("settings.displays.who")}
          value={s.showsDisplays}
          options={(["contacts", "always", "never"] as const).map((value) => ({
            value,
            text: t(`settings.displays.${value}`),
          }))}
          choose={(showsDisplays) => set(displays, { showsDisplays })}
        />
      </Section>
    </>
  );
}
