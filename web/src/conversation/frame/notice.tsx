import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n";
import { capability, type Email } from "../../jmap";
import { say, troubleOf, useMail } from "../../model";
import { preferences } from "../../preferences";
import { type Clean, shownName } from "../../safe";
import { Button, Icon, toast } from "../../ui";
import { isTrusted, trust } from "../trusted";
import css from "./frame.module.css";
import { sign } from "./pictures";

export interface RemotePictures {
  /** Where a picture is at our server, once it may be shown. */
  path(url: string): string | undefined;
  version: number; // rises when path answers otherwise
  shown: boolean;
  show(): void;
}

/** usePictures decides whether the pictures of an email that are elsewhere are shown, and finds out where they are to be had. */
export function usePictures(email: Email, remote: readonly string[]): RemotePictures {
  const mail = useMail();
  const [once, setOnce] = useState(false);
  const [paths, setPaths] = useState<ReadonlyMap<string, string>>(new Map());
  const [version, setVersion] = useState(0);
  const shown = mail.has(capability.pictures) && (once || wanted(email, mail));
  useEffect(() => {
    if (!shown || remote.length === 0) return;
    let here = true;
    sign(mail, remote).then(
      (found) => {
        if (!here) return;
        setPaths(found);
        setVersion((v) => v + 1);
      },
      (e) => toast({ text: say(troubleOf(e)), kind: "error" }),
    );
    return () => {
      here = false;
    };
  }, [shown, remote]);
  return { path: (url) => (shown ? paths.get(url) : undefined), version, shown, show: () => setOnce(true) };
}

// In junk nothing is shown without being asked for: that it was looked at is what its sender wants to know.
function wanted(email: Email, mail: ReturnType<typeof useMail>): boolean {
  const junk = mail.mailboxByRole("junk");
  if (junk && email.mailboxIds?.[junk.id]) return false;
  const from = email.from?.[0]?.email.toLowerCase();
  const rule = preferences.remotePictures.value;
  return rule === "always" || isTrusted(from) || (rule === "contacts" && !!from && mail.contacts.known.value.has(from));
}

/** What of a message is not shown, and how it is. */
export function PictureNotice({ email, clean, pictures }: { email: Email; clean: Clean; pictures: RemotePictures }) {
  const from = email.from?.[0];
  const blocked = pictures.shown ? 0 : clean.remote.length;
  if (blocked === 0) return null;
  return (
    <div class={css.notice} title={t("conversation.picturesHelp")}>
      <Icon name="shield" size={18} />
      <p>
        {t("conversation.pictures", { n: blocked })}
        {clean.trackers > 0 && ` ${t("conversation.trackers", { n: clean.trackers })}`}
      </p>
      <Button kind="quiet" onClick={pictures.show}>
        {t("conversation.showPictures")}
      </Button>
      {from && (
        <Button
          kind="quiet"
          onClick={() => {
            trust(from.email);
            toast({ text: t("conversation.alwaysOn", { name: shownName(from) }) });
          }}
        >
          {t("conversation.alwaysPictures")}
        </Button>
      )}
    </div>
  );
}
