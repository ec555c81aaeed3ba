import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { useMail } from "../model";
import { Icon } from "../ui";
import css from "./live.module.css";

const patience = 2_000; // a connection that is back by then was never away, to a person
const joy = 2_500;

/** A calm line while there is no connection, and for a moment when it is back. Nothing is lost meanwhile, and it says so. */
export function ConnectionNotice() {
  const mail = useMail();
  const status = mail.connection.status.value;
  const line = useSignal<"away" | "back" | null>(null);
  const was = useRef(false);
  useEffect(() => {
    const away = status !== "online" && status !== "refused";
    if (!away && !was.current) return;
    const timer = setTimeout(
      () => {
        if (away) line.value = "away";
        was.current = away;
        if (!away) line.value = null;
      },
      away ? patience : joy,
    );
    if (!away) line.value = "back";
    return () => clearTimeout(timer);
  }, [status]);
  const waiting = mail.pending.value;
  const text = {
    away: status === "connecting" && navigator.onLine ? t("live.connection.connecting") : t("live.connection.offline"),
    back: t("live.connection.back"),
  };
  return (
    <div role="status">
      {line.value && (
        <div class={css.line} data-back={line.value === "back" || undefined}>
          <Icon name={line.value === "back" ? "check" : "info"} size={16} />
          <span>{text[line.value]}</span>
          {line.value === "away" && waiting > 0 && <span>{t("live.connection.waiting", { n: waiting })}</span>}
          {line.value === "away" && (
            <button type="button" onClick={() => mail.connection.retry()}>
              {t("live.connection.retry")}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
