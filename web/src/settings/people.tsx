import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { relative } from "../i18n/format";
import type { Contact } from "../jmap/types";
import { useMail } from "../model";
import { Avatar, ask, Button, SelectField, Switch, TextField } from "../ui";
import { matching, type Shown } from "./contacts";
import { Loading, Section, useDraft, useSaving } from "./parts";
import css from "./settings.module.css";

const atOnce = 100; // people that are drawn; more with a button

export function People() {
  const { contacts } = useMail();
  const text = useSignal("");
  const shown = useSignal<Shown>("all");
  const many = useSignal(atOnce);
  const open = useSignal<string | null>(null);
  const all = contacts.items.value;
  const found = matching(all ?? [], text.value, shown.value);
  useEffect(() => {
    many.value = atOnce;
  }, [text.value, shown.value]);
  return (
    <>
      <p class={css.help}>{t("settings.people.help")}</p>
      <div class={css.fields}>
        <TextField
          label={t("settings.people.search")}
          type="search"
          value={text.value}
          onInput={(v) => (text.value = v)}
        />
        <SelectField
          label={t("settings.people.show")}
          value={shown.value}
          options={(["all", "accepted", "blocked"] as const).map((value) => ({
            value,
            text: t(`settings.people.${value}`),
          }))}
          onChoose={(v) => (shown.value = v)}
        />
      </div>
      <Add />
      {!all && <Loading trouble={contacts.trouble.value} again={() => void contacts.load()} />}
      {all && found.length === 0 && (
        <p class={css.empty}>{text.value ? t("settings.people.nobodyFound") : t("settings.people.nobody")}</p>
      )}
      <ul class={css.rows}>
        {found.slice(0, many.value).map((c) => (
          <Person
            key={c.id}
            contact={c}
            open={open.value === c.id}
            toggle={() => (open.value = open.value === c.id ? null : c.id)}
          />
        ))}
      </ul>
      {found.length > many.value && (
        <Button kind="quiet" onClick={() => (many.value += atOnce)}>
          {t("settings.people.more", { n: found.length - many.value })}
        </Button>
      )}
    </>
  );
}

function Person({ contact: c, open, toggle }: { contact: Contact; open: boolean; toggle: () => void }) {
  return (
    <li class={css.person} data-open={open || undefined}>
      <button type="button" class={css.personButton} aria-expanded={open} onClick={toggle}>
        <Avatar name={c.name} email={c.email} size={36} />
        <span translate={false}>
          <strong>{c.name || c.email}</strong>
          {c.name && <small>{c.email}</small>}
        </span>
        {c.isBlocked && (
          <span class={css.tag} data-kind="bad">
            {t("settings.people.isBlocked")}
          </span>
        )}
        {c.piercesQuietHours && <span class={css.tag}>{t("settings.people.isUrgent")}</span>}
        <small>{c.lastWritten && t("settings.people.written", { when: relative(new Date(c.lastWritten)) })}</small>
      </button>
      {open && <Details contact={c} />}
    </li>
  );
}

function Details({ contact: c }: { contact: Contact }) {
  const { contacts } = useMail();
  const saving = useSaving();
  const name = useDraft(c.name);
  const update = (patch: Partial<Contact>) => void saving.save(() => contacts.update(c.id, patch));
  const remove = async () => {
    const yes = await ask({
      title: t("settings.people.askRemove", { name: c.name || c.email }),
      body: <p>{t("settings.people.askRemoveBody")}</p>,
      confirm: t("settings.people.remove"),
      danger: true,
    });
    if (yes) await saving.save(() => contacts.destroy(c.id));
  };
  return (
    <div class={css.personMore}>
      <Section title={t("settings.people.about")} saving={saving}>
        <TextField
          label={t("settings.people.name")}
          value={name.value}
          onInput={(v) => (name.value = v)}
          onCommit={(v) => update({ name: v.trim() })}
        />
        <Switch
          label={t("settings.people.pierces")}
          help={t("settings.people.piercesHelp")}
          checked={c.piercesQuietHours}
          onSwitch={(piercesQuietHours) => update({ piercesQuietHours })}
        />
        <SelectField
          label={t("settings.people.displays")}
          value={c.learnsOfDisplays ?? "default"}
          options={(["default", "always", "never"] as const).map((value) => ({
            value,
            text: t(`settings.people.displays.${value}`),
          }))}
          onChoose={(v) => update({ learnsOfDisplays: v === "default" ? null : v })}
        />
        <Switch
          label={t("settings.people.block")}
          help={t("settings.people.blockHelp")}
          checked={c.isBlocked}
          onSwitch={(isBlocked) => update({ isBlocked })}
        />
        <Button icon="trash" onClick={() => void remove()}>
          {t("settings.people.remove")}
        </Button>
      </Section>
    </div>
  );
}

function Add() {
  const { contacts } = useMail();
  const open = useSignal(false);
  const email = useSignal("");
  const name = useSignal("");
  const saving = useSaving();
  if (!open.value) {
    return (
      <Button icon="personPlus" onClick={() => (open.value = true)}>
        {t("settings.people.add")}
      </Button>
    );
  }
  const close = () => {
    open.value = false;
    email.value = name.value = "";
  };
  const submit = async (e: Event) => {
    e.preventDefault();
    if (
      await saving.save(() => contacts.create({ email: email.value.trim(), name: name.value.trim(), isAccepted: true }))
    )
      close();
  };
  return (
    <Section title={t("settings.people.add")} saving={saving}>
      <form onSubmit={submit}>
        <div class={css.fields}>
          <TextField
            label={t("settings.people.email")}
            type="email"
            dir="ltr"
            required
            autofocus
            value={email.value}
            onInput={(v) => (email.value = v)}
          />
          <TextField label={t("settings.people.name")} value={name.value} onInput={(v) => (name.value = v)} />
        </div>
        <div class={css.actions}>
          <Button kind="primary" type="submit">
            {t("settings.add")}
          </Button>
          <Button onClick={close}>{t("ui.cancel")}</Button>
        </div>
      </form>
    </Section>
  );
}
