import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { list, size } from "../i18n/format";
import type { Id } from "../jmap/types";
import { useMail } from "../model";
import { Button, Icon, IconButton, toast } from "../ui";
import css from "./compose.module.css";
import type { Composition } from "./composition";
import type { Desk } from "./desk";
import { explain, explainError } from "./failures";
import { begin } from "./original";

/** What stands above a message: that it was kept, refused, changed elsewhere. Nothing of it keeps anybody from writing on. */
export function Notes({ of, desk }: { of: Composition; desk: Desk }) {
  const note = of.note.value;
  const { value: saving } = of.saver.state;
  const close = () => {
    of.note.value = null;
  };
  return (
    <>
      {saving.is === "elsewhere" && <Elsewhere of={of} theirs={saving.theirs} />}
      {saving.is === "sent" && <Sent of={of} desk={desk} />}
      {saving.is === "failed" && <Note kind="warn">{explainError(saving.why)}</Note>}
      {note?.is === "kept" && (
        <Note kind="good" close={close}>
          {t("compose.kept")}
        </Note>
      )}
      {note?.is === "undone" && (
        <Note kind="good" close={close}>
          {t("compose.undone")}
        </Note>
      )}
      {note?.is === "refused" && (
        <Note kind="danger" close={close}>
          <strong>{t("compose.notSent")}</strong> {explain(note.why)}
        </Note>
      )}
      {note?.is === "uploads" && (
        <Note kind="danger" close={close}>
          {t("compose.uploadsFailed")}
        </Note>
      )}
      {note?.is === "tooLarge" && (
        <Note kind="danger" close={close}>
          {t("compose.tooLarge", {
            n: note.names.length,
            names: list(note.names.slice(0, 5)),
            limit: size(note.limit),
          })}
        </Note>
      )}
    </>
  );
}

function Note({
  kind,
  children,
  close,
}: {
  kind: "good" | "warn" | "danger";
  children: ComponentChildren;
  close?: () => void;
}) {
  return (
    <div class={css.note} data-kind={kind} role={kind === "good" ? "status" : "alert"}>
      <Icon name={kind === "good" ? "check" : "warning"} size={18} />
      <p>{children}</p>
      {close && <IconButton icon="close" size={16} label={t("ui.close")} onClick={close} />}
    </div>
  );
}

/** Two versions: which one goes on. Both are kept until it is said. */
function Elsewhere({ of, theirs }: { of: Composition; theirs: Id }) {
  const mail = useMail();
  const [busy, setBusy] = useState(false);
  const act = (what: () => Promise<void>) => () => {
    setBusy(true);
    what()
      .catch((error) => toast({ text: explainError(error), kind: "error" }))
      .finally(() => setBusy(false));
  };
  const take = async () => {
    const draft = { ...(await begin(mail, { kind: "draft", emailId: theirs })), key: of.key };
    await of.saver.takeTheirs(draft);
    of.replace(draft, true);
  };
  return (
    <Note kind="warn">
      {t("compose.changedElsewhere")}
      <span class={css.noteActions}>
        <Button disabled={busy} onClick={act(() => of.saver.keepMine())}>
          {t("compose.keepMine")}
        </Button>
        <Button disabled={busy} onClick={act(take)}>
          {t("compose.takeTheirs")}
        </Button>
      </span>
    </Note>
  );
}

function Sent({ of, desk }: { of: Composition; desk: Desk }) {
  return (
    <Note kind="warn">
      {t("compose.sentElsewhere")}
      <span class={css.noteActions}>
        <Button onClick={() => void of.saver.keepMine().catch(() => {})}>{t("compose.keepAsNew")}</Button>
        <Button onClick={() => void desk.discard(of)}>{t("compose.discard")}</Button>
      </span>
    </Note>
  );
}
