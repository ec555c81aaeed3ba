import { t } from "../i18n";
import { useMail } from "../model";
import { Section } from "./parts";
import css from "./settings.module.css";

export function About() {
  const mail = useMail();
  return (
    <>
      <Section title={t("app.name")} user help={t("settings.about.what")}>
        <p>
          <a href="/about">{t("settings.about.programs")}</a>
        </p>
      </Section>
      <Section title={t("settings.about.server")}>
        <p class={css.muted} translate={false}>
          {new URL(mail.connection.session.apiUrl).host}
        </p>
      </Section>
    </>
  );
}
