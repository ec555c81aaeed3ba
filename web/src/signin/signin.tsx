import { useState } from "preact/hooks";
import { languages, locale, t } from "../i18n";
import { preferences } from "../preferences";
import { Button, TextField } from "../ui";
import { type Problem, signIn } from "./session";
import css from "./signin.module.css";

interface SignInProps {
  login?: string; // who was signed in
  expired?: boolean; // and is not any more, without having signed out
  only?: boolean; // nobody else may sign in here
  done: () => void;
}

/** The page that everybody sees first. The password goes to the server and is kept nowhere here. */
export function SignIn({ login: before = "", expired = false, only = false, done }: SignInProps) {
  const [login, setLogin] = useState(before);
  const [password, setPassword] = useState("");
  const [keep, setKeep] = useState(true);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);

  async function submit(e: Event) {
    e.preventDefault();
    setBusy(true);
    setProblem(null);
    const refused = await signIn(login.trim(), password, keep);
    setBusy(false);
    setProblem(refused);
    if (!refused) done();
  }

  return (
    <main class={css.page}>
      <form class={css.card} onSubmit={submit}>
        <img src="/icons/mailmesh.svg" alt="" width="56" height="56" />
        <h1>{t("signin.title")}</h1>
        {expired && !problem && (
          <p class={css.notice} role="status">
            {t("signin.expired")}
          </p>
        )}
        {problem && (
          <p class={css.problem} role="alert">
            {explain(problem)}
          </p>
        )}
        <TextField
          label={t("signin.address")}
          type="email"
          name="username"
          autocomplete="username"
          required
          autofocus={!before}
          readOnly={only}
          value={login}
          onInput={setLogin}
          dir="ltr"
        />
        <TextField
          label={t("signin.password")}
          type="password"
          name="password"
          autocomplete="current-password"
          required
          autofocus={!!before}
          value={password}
          onInput={setPassword}
          dir="ltr"
        />
        <label class={css.keep}>
          <input type="checkbox" checked={keep} onChange={(e) => setKeep(e.currentTarget.checked)} /> {t("signin.keep")}
        </label>
        <Button kind="primary" type="submit" disabled={busy} class={css.submit!}>
          {busy ? t("signin.busy") : t("signin.submit")}
        </Button>
        <footer class={css.foot}>
          <select
            aria-label={t("signin.language")}
            value={locale.value}
            onChange={(e) => preferences.language.set(e.currentTarget.value)}
            translate={false}
          >
            {Object.entries(languages).map(([tag, l]) => (
              <option key={tag} value={tag} lang={tag}>
                {l.name}
              </option>
            ))}
          </select>
          <a href="/about">{t("signin.programs")}</a>
        </footer>
      </form>
    </main>
  );
}

function explain(p: Problem): string {
  if (p.status === 0 || p.status >= 500) return t("signin.away");
  if (p.status === 401) return t("signin.wrong");
  if (p.status === 403) return t("signin.disabled");
  if (p.status === 429) return t("signin.wait", { n: Math.max(1, p.wait) });
  return t("signin.refused", { status: p.status });
}
