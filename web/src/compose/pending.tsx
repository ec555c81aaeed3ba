import { t } from "../i18n";
import type { Id } from "../jmap/types";
import { useMail } from "../model";
import { Button, Icon } from "../ui";
import css from "./compose.module.css";
import type { Desk } from "./desk";
import { explain } from "./failures";
import { desk } from "./layer";
import type { Sending } from "./outbox";

/** What of a conversation is still on its way from here: it is seen at once, and until the server's copy is. */
export function Pending({ threadId }: { threadId: Id }) {
  const mail = useMail();
  const here = desk.value;
  if (!here) return null;
  const there = new Set(mail.conversation(threadId).emails.value.map((e) => e.id));
  const own = [...here.outbox.list.value, ...here.arriving.value].filter(
    (s) => s.quick && s.draft?.answers?.threadId === threadId,
  );
  const shown = own.filter((s) => s.state === "failed" || !s.emailId || !there.has(s.emailId));
  if (!shown.length) return null;
  return (
    <div class={css.pending} role="log" aria-label={t("compose.onTheWay")}>
      {shown.map((s) => (
        <Bubble key={s.id} of={s} desk={here} />
      ))}
    </div>
  );
}

function Bubble({ of, desk }: { of: Sending; desk: Desk }) {
  const failed = of.state === "failed";
  const offline = desk.mail.connection.status.value !== "online";
  return (
    <article class={css.bubble} data-failed={failed}>
      <p translate={false} dir="auto">
        {of.draft!.text}
      </p>
      {of.draft!.files.length > 0 && (
        <small translate={false}>
          <Icon name="clip" size={14} /> {of.draft!.files.map((f) => f.name).join(", ")}
        </small>
      )}
      {failed ? (
        <div class={css.bubbleFailed} role="alert">
          <span>{explain(of.trouble!)}</span>
          <Button kind="quiet" onClick={() => void desk.outbox.retry(of.id)}>
            {t("compose.tryAgain")}
          </Button>
          <Button kind="quiet" onClick={() => void desk.reedit(of)}>
            {t("compose.edit")}
          </Button>
        </div>
      ) : (
        <small class={css.bubbleState}>
          <Icon name="clock" size={14} /> {of.tried || !offline ? t("compose.sendingNow") : t("compose.waitsHere")}
        </small>
      )}
    </article>
  );
}
