import { useSignal } from "@preact/signals";
import { t } from "../i18n";
import { dateTime, number, relative, size } from "../i18n/format";
import { capability, type Quota, type SignIn } from "../jmap/types";
import { useMail } from "../model";
import { Avatar, ask, Button, Icon, type IconName, TextField } from "../ui";
import { Loading, Section, useSaving } from "./parts";
import { changePassword, type Refusal } from "./password";
import { percent, show } from "./quota";
import css from "./settings.module.css";

export function Account() {
  const mail = useMail();
  const name = mail.identities.value.find((i) => i.email === mail.login)?.name ?? "";
  return (
    <>
      <Section title={t("settings.account.who")}>
        <div class={css.row}>
          <Avatar name={name} email={mail.login} size={48} />
          <div translate={false}>
            <strong>{name || mail.login}</strong>
            {name && <small>{mail.login}</small>}
          </div>
        </div>
      </Section>
      <Room />
      <Password />
      <SignIns />
    </>
  );
}

function Room() {
  const mail = useMail();
  const all = mail.quota.items.value;
  const shown = show(all ?? []);
  return (
    <Section title={t("settings.account.room")}>
      {!all && <Loading trouble={mail.quota.trouble.value} again={() => void mail.quota.load()} />}
      {all && shown.length === 0 && <p class={css.muted}>{t("settings.account.noLimit")}</p>}
      {shown.map((q) => (
        <Bar key={q.id} quota={q} />
      ))}
    </Section>
  );
}

function Bar({ quota: q }: { quota: Quota }) {
  const part = percent(q);
  const say = q.resourceType === "octets" ? size : number;
  const key = q.resourceType === "octets" ? "settings.account.used" : "settings.account.usedCount";
  const text = t(key, { used: say(q.used), all: say(q.hardLimit) });
  return (
    <div class={css.quota}>
      <meter class="visually-hidden" aria-label={t("settings.account.room")} min={0} max={100} value={part}>
        {text}
      </meter>
      <div class={css.bar} data-full={part >= 100 ? "yes" : part >= 90 ? "nearly" : undefined} aria-hidden="true">
        <i style={{ inlineSize: `${Math.min(100, part)}%` }} />
      </div>
      <p class={css.muted}>
        {text}
        {part >= 90 && ` ${t("settings.account.nearlyFull")}`}
      </p>
    </div>
  );
}

function Password() {
  const mail = useMail();
  const open = useSignal(false);
  const old = useSignal("");
  const next = useSignal("");
  const again = useSignal("");
  const error = useSignal<Refusal | null>(null);
  const done = useSignal(false);
  const busy = useSignal(false);
  const close = () => {
    open.value = false;
    old.value = next.value = again.value = "";
    error.value = null;
  };
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy.value) return;
    if (next.value !== again.value) {
      error.value = { field: "again", text: t("settings.password.differ") };
      return;
    }
    busy.value = true;
    error.value = await changePassword(old.value, next.value);
    busy.value = false;
    if (error.value) return;
    close();
    done.value = true;
  };
  const of = (field: Refusal["field"]) => (error.value?.field === field ? error.value.text : null);
  return (
    <Section title={t("settings.password.title")} help={t("settings.password.help")}>
      {done.value && (
        <p class={css.muted} role="status">
          {t("settings.password.done")}
        </p>
      )}
      {!open.value ? (
        <Button
          icon="key"
          onClick={() => {
            done.value = false;
            open.value = true;
          }}
        >
          {t("settings.password.change")}
        </Button>
      ) : (
        <form onSubmit={submit}>
          {of("all") && (
            <p class={css.failed} role="alert">
              <Icon name="warning" size={16} />
              {of("all")}
            </p>
          )}
          {/* Password managers tell by it whose passwords these are. */}
          <input type="hidden" name="username" autocomplete="username" value={mail.login} />
          <Secret
            label={t("settings.password.old")}
            value={old.value}
            error={of("old")}
            autocomplete="current-password"
            autofocus
            set={(v) => (old.value = v)}
          />
          <Secret
            label={t("settings.password.new")}
            value={next.value}
            error={of("new")}
            autocomplete="new-password"
            set={(v) => (next.value = v)}
          />
          <Secret
            label={t("settings.password.again")}
            value={again.value}
            error={of("again")}
            autocomplete="new-password"
            set={(v) => (again.value = v)}
          />
          <div class={css.actions}>
            <Button kind="primary" type="submit" disabled={busy.value}>
              {t("settings.password.set")}
            </Button>
            <Button onClick={close}>{t("ui.cancel")}</Button>
          </div>
        </form>
      )}
    </Section>
  );
}

interface SecretProps {
  label: string;
  value: string;
  error: string | null;
  autocomplete: string;
  autofocus?: boolean;
  set: (value: string) => void;
}

function Secret({ set, autofocus = false, ...rest }: SecretProps) {
  return <TextField {...rest} type="password" required dir="ltr" autofocus={autofocus} onInput={set} />;
}

function SignIns() {
  return useMail().has(capability.sessions) ? <SignInList /> : null;
}

function SignInList() {
  const mail = useMail();
  const saving = useSaving();
  const signIns = mail.collection<SignIn>("SignIn");
  const all = signIns.items.value;
  const sorted = [...(all ?? [])].sort(
    (a, b) => Number(b.isCurrent) - Number(a.isCurrent) || Date.parse(b.lastUsed) - Date.parse(a.lastUsed),
  );
  const end = async (s: SignIn) => {
    const yes = await ask({
      title: t("settings.signIns.ask", { name: s.name }),
      body: <p>{t(s.isCurrent ? "settings.signIns.askCurrent" : "settings.signIns.askBody")}</p>,
      confirm: t("settings.signIns.end"),
      danger: true,
    });
    if (yes) await saving.save(() => signIns.destroy(s.id));
  };
  const others = sorted.filter((s) => !s.isCurrent);
  return (
    <Section title={t("settings.signIns.title")} help={t("settings.signIns.help")} saving={saving}>
      {!all && <Loading trouble={signIns.trouble.value} again={() => void signIns.load()} />}
      <ul class={css.rows}>
        {sorted.map((s) => (
          <li key={s.id} class={css.row}>
            <span class={css.round}>
              <Icon name={iconOf(s)} size={20} />
            </span>
            <div>
              <strong translate={false}>{s.name}</strong>
              <small>
                {s.kind !== "web" && `${t("settings.signIns.program")} · `}
                {s.isCurrent ? <span class={css.tag}>{t("settings.signIns.current")}</span> : lastUsed(s)}
                {" · "}
                {t("settings.signIns.since", { date: dateTime(new Date(s.created)) })}
              </small>
            </div>
            <Button aria-label={t("settings.signIns.endOf", { name: s.name })} onClick={() => void end(s)}>
              {t("settings.signIns.end")}
            </Button>
          </li>
        ))}
      </ul>
      {others.length > 1 && (
        <Button
          kind="quiet"
          onClick={async () => {
            const yes = await ask({
              title: t("settings.signIns.askOthers", { n: others.length }),
              confirm: t("settings.signIns.endOthers"),
              danger: true,
            });
            if (yes) await saving.save(() => Promise.all(others.map((s) => signIns.destroy(s.id))));
          }}
        >
          {t("settings.signIns.endOthers")}
        </Button>
      )}
    </Section>
  );
}

function iconOf(s: SignIn): IconName {
  if (s.kind !== "web") return "mail";
  return /android|iphone|ipad|ios|mobile/i.test(s.name) ? "phone" : "laptop";
}

const lastUsed = (s: SignIn) => t("settings.signIns.used", { when: relative(new Date(s.lastUsed)) });
