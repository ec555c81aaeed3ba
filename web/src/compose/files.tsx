import { t } from "../i18n";
import { number, size } from "../i18n/format";
import { Icon, IconButton } from "../ui";
import css from "./compose.module.css";
import type { Composition } from "./composition";
import type { Attached } from "./draft";
import { explainError } from "./failures";

/** What goes with the message: how far each is, and what one can do with it. */
export function Files({ of }: { of: Composition }) {
  const files = of.draft.value.files.filter((f) => !f.cid);
  if (!files.length) return null;
  return (
    <ul class={css.files} aria-label={t("compose.attachments")}>
      {files.map((f) => (
        <File key={f.id} file={f} of={of} />
      ))}
    </ul>
  );
}

function File({ file, of }: { file: Attached; of: Composition }) {
  const progress = of.uploads.progress.value.get(file.id);
  const name = file.name || t("compose.noName");
  const percent = Math.floor((progress?.fraction ?? 0) * 100);
  const failed = !!progress?.error;
  return (
    <li class={css.file} data-failed={failed}>
      <Icon
        name={file.type.startsWith("image/") ? "image" : file.type === "message/rfc822" ? "mail" : "file"}
        size={20}
      />
      <div class={css.fileText}>
        <bdi translate={false} title={name}>
          {name}
        </bdi>
        {failed ? (
          <small role="alert">{explainError(progress.error)}</small>
        ) : (
          <small>
            {progress ? t("compose.uploading", { percent: number(percent), size: size(file.size) }) : size(file.size)}
          </small>
        )}
        {progress && !failed && (
          <progress max={1} value={progress.fraction} aria-label={t("compose.uploadingName", { name })} />
        )}
      </div>
      {failed && (
        <IconButton
          icon="refresh"
          size={16}
          label={t("compose.retry", { name })}
          onClick={() => void of.uploads.send(file.id)}
        />
      )}
      <IconButton
        icon="close"
        size={16}
        label={progress && !failed ? t("compose.cancelUpload", { name }) : t("compose.detach", { name })}
        onClick={() => of.detach(file.id)}
      />
    </li>
  );
}
