import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n";
import { size } from "../../i18n/format";
import type { EmailHeader } from "../../jmap";
import { say, troubleOf, useMail } from "../../model";
import { Button, Dialog, Spinner, toast } from "../../ui";
import { useShared } from "../context";
import { headersOf } from "./headers";
import css from "./original.module.css";

const mostShown = 512 << 10;

/** A message as it came: its header fields, and its source as text. */
export function Original() {
  const { about } = useShared();
  const mail = useMail();
  const email = about.value?.email;
  const [headers, setHeaders] = useState<readonly EmailHeader[]>([]);
  const [source, setSource] = useState<string | null>(null);
  const url = email?.blobId ? mail.connection.downloadURL(email.blobId, "message.eml", "message/rfc822") : "";
  useEffect(() => {
    if (!email) return;
    const ending = new AbortController();
    const failed = (e: unknown) =>
      !ending.signal.aborted && setSource(t("conversation.failed", { why: say(troubleOf(e)) }));
    headersOf(mail, email).then(setHeaders, failed);
    fetch(url, { headers: { Range: `bytes=0-${mostShown - 1}` }, signal: ending.signal })
      .then(async (r) => setSource((await r.text()).slice(0, mostShown)))
      .catch(failed);
    return () => ending.abort();
  }, [email?.id]);
  if (!email) return null;
  const close = () => {
    about.value = undefined;
  };
  const copy = () => {
    navigator.clipboard.writeText(source ?? "").then(
      () => toast({ text: t("conversation.copied") }),
      (e) => toast({ text: say(troubleOf(e)), kind: "error" }),
    );
  };
  const foot = (
    <>
      <Button icon="copy" disabled={source === null} onClick={copy}>
        {t("conversation.copy")}
      </Button>
      <a class={css.download} href={url} download="message.eml">
        {t("conversation.download")}
      </a>
    </>
  );
  return (
    <Dialog title={t("conversation.originalTitle")} close={close} foot={foot} wide>
      <h3 class={css.heading}>{t("conversation.headers")}</h3>
      <div class={css.headers}>
        <table translate={false}>
          <tbody>
            {headers.map((h, i) => (
              <tr key={i}>
                <th scope="row">{h.name}</th>
                <td dir="auto">{h.value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h3 class={css.heading}>{t("conversation.source")}</h3>
      {(email.size ?? 0) > mostShown && (
        <p class={css.clipped}>{t("conversation.sourceClipped", { size: size(mostShown) })}</p>
      )}
      {source === null ? (
        <Spinner label={t("conversation.loading")} />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
        <pre class={css.source} translate={false} dir="ltr" tabIndex={0}>
          {source}
        </pre>
      )}
    </Dialog>
  );
}
