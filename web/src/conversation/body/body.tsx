import { useMemo, useState } from "preact/hooks";
import { t } from "../../i18n";
import { size } from "../../i18n/format";
import type { Email } from "../../jmap";
import { type Conversation, say, troubleOf, useMail } from "../../model";
import { Button, Icon, toast } from "../../ui";
import { HTMLFrame } from "../frame/frame";
import { PlainText } from "../text/text";
import css from "./body.module.css";
import { type Clipped, isEncrypted, type Text } from "./parts";

/** A text of more than this is not shown whole: laying it out would keep the page from answering. It can be downloaded. */
const mostShown = 5_000_000;

/** What a message says. */
export function Body({ email, text, conversation }: { email: Email; text: Text; conversation: Conversation }) {
  if (email.bodyValues === undefined) return <Coming />;
  if (isEncrypted(email)) return <Note icon="lock">{t("conversation.encrypted")}</Note>;
  if (text.kind === "none" || (text.kind === "plain" && text.text.trim() === "" && text.clipped.length === 0)) {
    return <p class={css.empty}>{t("conversation.empty")}</p>;
  }
  return (
    <>
      {text.damaged && <Note icon="warning">{t("conversation.encodingProblem")}</Note>}
      {text.kind === "html" ? (
        <HTMLFrame email={email} html={text.html} />
      ) : (
        <PlainText text={text.text} flow={text.flow} />
      )}
      {text.clipped.length > 0 && <ClippedNote email={email} clipped={text.clipped} conversation={conversation} />}
    </>
  );
}

function ClippedNote({
  email,
  clipped,
  conversation,
}: {
  email: Email;
  clipped: readonly Clipped[];
  conversation: Conversation;
}) {
  const mail = useMail();
  const [busy, setBusy] = useState(false);
  const whole = useMemo(() => clipped.reduce((sum, c) => sum + c.size, 0), [clipped]);
  const load = async () => {
    setBusy(true);
    try {
      for (const c of clipped) await conversation.wholeBody(email.id, c.partId);
    } catch (e) {
      toast({ text: say(troubleOf(e)), kind: "error" });
    }
    setBusy(false);
  };
  return (
    <Note icon="info">
      {whole > mostShown ? t("conversation.tooLong", { size: size(whole) }) : t("conversation.clipped")}{" "}
      {whole > mostShown ? (
        <a
          href={email.blobId && mail.connection.downloadURL(email.blobId, "message.eml", "message/rfc822")}
          download="message.eml"
        >
          {t("conversation.download")}
        </a>
      ) : (
        <Button kind="quiet" disabled={busy} onClick={load}>
          {t("conversation.showWhole")} ({size(whole)})
        </Button>
      )}
    </Note>
  );
}

/** Where a text will stand that is on its way: the head of a message is known before. */
function Coming() {
  return (
    <div class={css.coming} role="status" aria-label={t("conversation.loading")}>
      <span />
      <span />
      <span />
    </div>
  );
}

function Note({ icon, children }: { icon: "lock" | "warning" | "info"; children: preact.ComponentChildren }) {
  return (
    <div class={css.note}>
      <Icon name={icon} size={18} />
      <p>{children}</p>
    </div>
  );
}
