import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { dayOf } from "../i18n/format";
import type { VacationResponse } from "../jmap/types";
import { useMail } from "../model";
import { Icon, Switch, TextField } from "../ui";
import { inputOf, state, utcOf } from "./dates";
import { Loading, Section, useDraft, useSaving } from "./parts";
import css from "./settings.module.css";

export function Vacation() {
  const { vacation } = useMail();
  const v = vacation.value.value;
  if (!v) return <Loading trouble={vacation.trouble.value} again={() => void vacation.load()} />;
  return <Form v={v} />;
}

function Form({ v }: { v: VacationResponse }) {
  const { vacation } = useMail();
  const saving = useSaving();
  const subject = useDraft(v.subject ?? "");
  const text = useDraft(v.textBody ?? "");
  const from = useDraft(inputOf(v.fromDate));
  const to = useDraft(inputOf(v.toDate));
  const wrong = useSignal(false);
  const update = (patch: Record<string, unknown>) => void saving.save(() => vacation.update(patch));
  const setDates = () => {
    const dates = { fromDate: utcOf(from.value, "start"), toDate: utcOf(to.value, "end") };
    wrong.value = !!dates.fromDate && !!dates.toDate && dates.toDate <= dates.fromDate;
    if (!wrong.value) update(dates);
  };
  const now = state(v);
  return (
    <Section title={t("settings.vacation.title")} help={t("settings.vacation.help")} saving={saving}>
      {now !== "off" && (
        <p class={css.notice} role="status">
          <Icon name="calendar" size={18} />
          {now === "on" &&
            (v.toDate
              ? t("settings.vacation.onUntil", { date: dayOf(new Date(v.toDate)) })
              : t("settings.vacation.on"))}
          {now === "waits" && t("settings.vacation.waits", { date: dayOf(new Date(v.fromDate!)) })}
          {now === "over" && t("settings.vacation.over")}
        </p>
      )}
      <Switch
        label={t("settings.vacation.enabled")}
        checked={v.isEnabled}
        onSwitch={(isEnabled) => update({ isEnabled })}
      />
      <div class={css.fields}>
        <TextField
          label={t("settings.vacation.from")}
          type="date"
          value={from.value}
          onInput={(d) => (from.value = d)}
          onCommit={setDates}
        />
        <TextField
          label={t("settings.vacation.to")}
          help={t("settings.vacation.toHelp")}
          error={wrong.value ? t("settings.vacation.wrong") : null}
          type="date"
          value={to.value}
          onInput={(d) => (to.value = d)}
          onCommit={setDates}
        />
      </div>
      <TextField
        label={t("settings.vacation.subject")}
        help={t("settings.vacation.subjectHelp")}
        value={subject.value}
        dir="auto"
        onInput={(s) => (subject.value = s)}
        onCommit={(s) => update({ subject: s.trim() || null })}
      />
      <TextField
        label={t("settings.vacation.text")}
        rows={7}
        value={text.value}
        dir="auto"
        onInput={(s) => (text.value = s)}
        onCommit={(s) => update({ textBody: s || null, htmlBody: null })}
      />
    </Section>
  );
}
