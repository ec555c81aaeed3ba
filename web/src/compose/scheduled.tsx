import { useState } from "preact/hooks";
import { t } from "../i18n";
import { dateTime } from "../i18n/format";
import type { Id } from "../jmap/types";
import { useMail } from "../model";
import { Button, Icon } from "../ui";
import css from "./compose.module.css";
import { desk } from "./layer";
import { SendLater } from "./sendlater";

/** Above a message that waits for its time: when it goes, and how one changes that. */
export function Scheduled({ emailId }: { emailId: Id }) {
  const mail = useMail();
  const [asking, setAsking] = useState(false);
  const submission = mail.submissions.of(emailId).value;
  const here = desk.value;
  if (!here || submission?.undoStatus !== "pending") return null;
  const at = new Date(submission.sendAt);
  // What is held to be taken back only goes in a moment.
  if (at.getTime() - Date.now() < 60_000) return null;
  return (
    <div class={css.scheduled}>
      <Icon name="clock" size={18} />
      <p>{t("compose.willBeSent", { when: dateTime(at) })}</p>
      <Button kind="quiet" onClick={() => setAsking(true)}>
        {t("compose.changeTime")}
      </Button>
      <Button kind="quiet" onClick={() => void here.reschedule(submission.id, emailId, null)}>
        {t("compose.sendNow")}
      </Button>
      <Button kind="quiet" onClick={() => void here.unschedule(submission.id, emailId)}>
        {t("compose.cancelAndEdit")}
      </Button>
      {asking && (
        <SendLater
          desk={here}
          close={() => setAsking(false)}
          choose={(time) => void here.reschedule(submission.id, emailId, time)}
        />
      )}
    </div>
  );
}
