import { t } from "../i18n";
import { MailContext } from "../model";
import { SignIn } from "../signin/signin";
import { Questions, Spinner, Toasts } from "../ui";
import css from "./app.module.css";
import { Boundary } from "./boundary";
import { broken, enter, mail, phase } from "./session";
import { Shell } from "./shell";

/** The whole: the page to sign in, or the mail of who is signed in. */
export function App() {
  return (
    <Boundary>
      <Phase />
      <Questions />
      <Toasts />
    </Boundary>
  );
}

function Phase() {
  if (broken.value) throw broken.value; // to the Boundary, which shows it
  if (phase.value === "out") return <SignIn done={() => void enter()} />;
  if (!mail.value) return <Waiting text={phase.value === "away" ? t("app.away") : t("app.loading")} />;
  const expired = mail.value.connection.status.value === "refused";
  return (
    <MailContext.Provider value={mail.value}>
      <Shell />
      {expired && <Expired />}
    </MailContext.Provider>
  );
}

/** Over everything, which stays as it is: what was being written is there when one has signed in again. */
function Expired() {
  const { login, connection } = mail.value!;
  return (
    <div class={css.expired} role="dialog" aria-modal="true" aria-label={t("signin.title")}>
      <SignIn login={login} expired only done={() => void connection.resume().catch(() => {})} />
    </div>
  );
}

function Waiting({ text }: { text: string }) {
  return (
    <div class={css.loading}>
      <Spinner label={text} />
      <p>{text}</p>
    </div>
  );
}
