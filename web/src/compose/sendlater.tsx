import { useState } from "preact/hooks";
import { t } from "../i18n";
import { dateTime } from "../i18n/format";
import { capability } from "../jmap/types";
import { Button, Dialog, TextField } from "../ui";
import css from "./compose.module.css";
import type { Desk } from "./desk";
import { choices, localInput, wrongTime } from "./schedule";

/** When it shall go. */
export function SendLater({ desk, close, choose }: { desk: Desk; close: () => void; choose: (at: Date) => void }) {
  const now = new Date();
  const offered = choices(now);
  const [own, setOwn] = useState(() => localInput(offered[0]!.at));
  const submission = desk.mail.capabilities[capability.submission] as { maxDelayedSend?: number } | undefined;
  const most = submission?.maxDelayedSend ?? 0;
  const at = new Date(own);
  const wrong = wrongTime(at, now, most);
  const take = (time: Date) => {
    close();
    choose(time);
  };
  const days = Math.floor(most / 86_400);
  return (
    <Dialog title={t("compose.sendLater")} close={close}>
      <ul class={css.times}>
        {offered.map((c) => (
          <li key={c.id}>
            <button type="button" onClick={() => take(c.at)}>
              <span>{t(`compose.later.${c.id}`)}</span>
              <time dateTime={c.at.toISOString()} translate={false}>
                {dateTime(c.at)}
              </time>
            </button>
          </li>
        ))}
      </ul>
      <form
        class={css.ownTime}
        onSubmit={(e) => {
          e.preventDefault();
          if (!wrong) take(at);
        }}
      >
        <TextField
          label={t("compose.later.own")}
          type="datetime-local"
          value={own}
          onInput={setOwn}
          error={wrong && own ? t(`compose.later.${wrong}`, { n: days }) : null}
        />
        <Button kind="primary" type="submit" disabled={wrong !== null}>
          {t("compose.schedule")}
        </Button>
      </form>
    </Dialog>
  );
}
