import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { act } from "../app/ports";
import { t } from "../i18n";
import type { NotificationRules } from "../jmap/types";
import { say, troubleOf, useMail } from "../model";
import { preferences } from "../preferences";
import { Icon, SelectField, Switch, TextField } from "../ui";
import { Choice, Loading, Section, useSaving } from "./parts";
import { defaultHours, validHours, zones } from "./quiet";
import css from "./settings.module.css";

export function Notifications() {
  return (
    <>
      <ThisDevice />
      <Rules />
    </>
  );
}

/** Whether this device tells: the browser's permission, and Web Push for when no page is open. */
function ThisDevice() {
  const permission = useSignal("Notification" in window ? Notification.permission : "denied");
  const hindrance = useSignal<string | null>("unsupported");
  const failed = useSignal<string | null>(null);
  const busy = useSignal(false);
  useEffect(() => {
    void act("pushHindrance")()?.then((h) => (hindrance.value = h));
  }, [permission.value]);
  const notify = async (on: boolean) => {
    failed.value = null;
    if (on && permission.value === "default") permission.value = await Notification.requestPermission();
    if (on && permission.value !== "granted") failed.value = t("settings.notify.saidNo");
    preferences.notify.set(on && permission.value === "granted");
    if (!on && preferences.push.value) await push(false);
  };
  const push = async (on: boolean) => {
    busy.value = true;
    failed.value = null;
    try {
      if (!on) await act("disablePush")();
      else if (!(await act("enablePush")())) failed.value = t("settings.notify.saidNo");
    } catch (cause) {
      failed.value = t("settings.notify.pushFailed", { why: say(troubleOf(cause)) });
    }
    permission.value = Notification.permission;
    busy.value = false;
  };
  const denied = permission.value === "denied";
  return (
    <Section title={t("settings.notify.device")} help={t("settings.notify.deviceHelp")}>
      {denied && (
        <p class={css.notice}>
          <Icon name="bellOff" size={18} />
          {t("settings.notify.denied")}
        </p>
      )}
      {failed.value && (
        <p class={css.failed} role="alert">
          <Icon name="warning" size={16} />
          {failed.value}
        </p>
      )}
      <Switch
        label={t("settings.notify.show")}
        help={t("settings.notify.showHelp")}
        checked={preferences.notify.value && !denied}
        disabled={denied}
        onSwitch={(on) => void notify(on)}
      />
      <Switch
        label={t("settings.notify.push")}
        help={hindrance.value === null ? t("settings.notify.pushHelp") : t("settings.notify.noPush")}
        checked={preferences.push.value && hindrance.value === null}
        disabled={!preferences.notify.value || hindrance.value !== null || busy.value}
        onSwitch={(on) => void push(on)}
      />
    </Section>
  );
}

function Rules() {
  const { notificationRules } = useMail();
  const rules = notificationRules.value.value;
  if (!rules) return <Loading trouble={notificationRules.trouble.value} again={() => void notificationRules.load()} />;
  return <RulesForm rules={rules} />;
}

function RulesForm({ rules }: { rules: NotificationRules }) {
  const { notificationRules } = useMail();
  const about = useSaving();
  const quiet = useSaving();
  const set = (saving: typeof about, patch: Record<string, unknown>) =>
    void saving.save(() => notificationRules.update(patch));
  const hours = rules.quietHours;
  const setHours = (change: Partial<NonNullable<typeof hours>>) => {
    const next = { ...(hours ?? defaultHours()), ...change };
    if (validHours(next)) set(quiet, { quietHours: next });
  };
  return (
    <>
      <Section title={t("settings.notify.about")} help={t("settings.notify.aboutHelp")} saving={about}>
        <Choice
          label={t("settings.notify.what")}
          value={rules.notifyAbout}
          options={(["all", "contacts", "mentions", "none"] as const).map((value) => ({
            value,
            text: t(`settings.notify.${value}`),
            help: t(`settings.notify.${value}Help`),
          }))}
          choose={(notifyAbout) => set(about, { notifyAbout })}
        />
        <Switch
          label={t("settings.notify.content")}
          help={t("settings.notify.contentHelp")}
          checked={rules.showsContent}
          onSwitch={(showsContent) => set(about, { showsContent })}
        />
      </Section>
      <Section title={t("settings.quiet.title")} help={t("settings.quiet.help")} saving={quiet}>
        <Switch
          label={t("settings.quiet.on")}
          checked={hours !== null}
          onSwitch={(on) => set(quiet, { quietHours: on ? defaultHours() : null })}
        />
        {hours && (
          <>
            <div class={css.fields}>
              <TextField
                label={t("settings.quiet.from")}
                type="time"
                value={hours.from}
                onInput={() => {}}
                onCommit={(from) => setHours({ from })}
              />
              <TextField
                label={t("settings.quiet.to")}
                type="time"
                value={hours.to}
                onInput={() => {}}
                onCommit={(to) => setHours({ to })}
              />
              <SelectField
                label={t("settings.quiet.zone")}
                user
                value={hours.timeZone}
                options={zones(hours.timeZone).map((value) => ({ value, text: value.replaceAll("_", " ") }))}
                onChoose={(timeZone) => setHours({ timeZone })}
              />
            </div>
            <Switch
              label={t("settings.quiet.urgent")}
              help={t("settings.quiet.urgentHelp")}
              checked={rules.urgentPiercesQuietHours}
              onSwitch={(urgentPiercesQuietHours) => set(quiet, { urgentPiercesQuietHours })}
            />
          </>
        )}
      </Section>
    </>
  );
}
