// The line at the foot of a conversation: writing as in a chat, which is ordinary mail. What stands in it is in the journal as one types.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { act } from "../app/ports";
import { t } from "../i18n";
import { list } from "../i18n/format";
import type { Email, Id } from "../jmap/types";
import { useMail } from "../model";
import { preferences } from "../preferences";
import { shownName } from "../safe/names";
import { Icon, IconButton, later, Spinner, toast } from "../ui";
import css from "./compose.module.css";
import { newEntry } from "./composition";
import { type Desk, newSending } from "./desk";
import { type Attached, emptyDraft, randomId } from "./draft";
import { explainError } from "./failures";
import { desk } from "./layer";
import { addressed, begin, load } from "./original";
import { answering, answerSubject, answerTo, type How } from "./reply";
import { textToHtml } from "./text";
import { Uploads } from "./uploads";

const Emoji = later(() => import("./emoji").then((m) => m.Emoji));

export function QuickReply({ threadId }: { threadId: Id }) {
  const mail = useMail();
  const emails = mail.conversation(threadId).emails.value;
  const email = emails.findLast((e) => !e.keywords?.$draft);
  if (!email || !desk.value || !mail.identities.value.length) return null;
  return <Line key={threadId} threadId={threadId} email={email} desk={desk.value} />;
}

const quickKey = (threadId: Id) => `quick ${threadId}`;

function Line({ threadId, email, desk }: { threadId: Id; email: Email; desk: Desk }) {
  const mail = useMail();
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState("");
  const [files, setFiles] = useState<readonly Attached[]>([]);
  const [emoji, setEmoji] = useState(false);
  const [how, setHow] = useState<How>(() => (preferences.defaultReply.value === "all" ? "replyAll" : "reply"));
  const mine = useMemo(() => [...mail.identities.value.map((i) => i.email), mail.login], [mail.identities.value]);
  const all = useMemo(() => answerTo(email, "replyAll", mine), [email, mine]);
  const one = useMemo(() => answerTo(email, "reply", mine), [email, mine]);
  const several = all.to.length + all.cc.length > one.to.length;
  const people = several && how === "replyAll" ? [...all.to, ...all.cc] : one.to;
  const uploads = useUploads(desk, threadId, setFiles);

  useKept(desk, threadId, setText);
  useEffect(() => grow(field.current), [text]);

  const typing = (state: "composing" | "gone") =>
    act("typing")(
      state,
      people.map((p) => p.email),
      email.id,
    );
  const write = (news: string) => {
    setText(news);
    typing(news.trim() ? "composing" : "gone");
    keep(desk, threadId, news);
  };
  const attach = (added: readonly File[]) => {
    const most = mail.connection.limits.maxSizeUpload;
    for (const file of added) {
      if (file.size > most) {
        toast({ text: t("compose.why.fileTooLarge", { name: file.name }), kind: "error" });
        continue;
      }
      const attached = {
        id: randomId(),
        name: file.name || "picture.png",
        type: file.type,
        size: file.size,
        blobId: null,
        cid: null,
      };
      setFiles((before) => [...before, attached]);
      void uploads.add(attached, file);
    }
  };
  const empty = !text.trim() && !files.length;
  const busy = uploads.progress.value.size > 0;
  const send = async () => {
    if (empty || busy) return;
    const sent = { text: text.trimEnd(), files: [...files] };
    setText("");
    setFiles([]);
    typing("gone");
    try {
      await deliver(desk, email, several ? how : "reply", sent);
      keep(desk, threadId, field.current?.value ?? "");
    } catch (error) {
      setText((now) => (now ? `${sent.text}\n${now}` : sent.text));
      setFiles(sent.files);
      toast({ text: explainError(error), kind: "error" });
    }
  };
  const expand = async () => {
    const draft = await begin(mail, { kind: several ? how : "reply", emailId: email.id }).catch(() => null);
    if (!draft) return;
    const added = draft.rich ? { html: textToHtml(text) } : { text: text + draft.text };
    await desk.openDraft({ ...draft, ...(text.trim() && added), files: [...draft.files, ...files] });
    setText("");
    setFiles([]);
    keep(desk, threadId, "");
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files are dropped on it
    <div
      class={css.quick}
      onDragOver={(e) => e.dataTransfer?.types.includes("Files") && e.preventDefault()}
      onDrop={(e) => {
        const dropped = [...(e.dataTransfer?.files ?? [])];
        if (!dropped.length) return;
        e.preventDefault();
        attach(dropped);
      }}
    >
      <QuickFiles files={files} uploads={uploads} remove={(id) => setFiles(files.filter((f) => f.id !== id))} />
      <div class={css.quickLine}>
        <IconButton
          icon="smile"
          size={20}
          label={t("compose.emoji")}
          aria-expanded={emoji}
          onClick={() => setEmoji(!emoji)}
        />
        <textarea
          ref={field}
          rows={1}
          dir={text ? "auto" : undefined}
          translate={false}
          aria-label={t("compose.quick")}
          placeholder={t("compose.quick")}
          enterkeyhint={preferences.enterSends.value ? "send" : "enter"}
          value={text}
          onFocus={() => void load(mail, email.id).catch(() => {})}
          onInput={(e) => write(e.currentTarget.value)}
          onPaste={(e) => {
            const pasted = [...(e.clipboardData?.files ?? [])];
            if (!pasted.length) return;
            e.preventDefault();
            attach(pasted);
          }}
          onKeyDown={(e) => {
            if (e.key !== "Enter" || e.isComposing || e.shiftKey) return;
            if (!preferences.enterSends.value && !e.ctrlKey && !e.metaKey) return;
            e.preventDefault();
            void send();
          }}
        />
        <IconButton icon="expand" size={18} label={t("compose.expand")} onClick={() => void expand()} />
        <IconButton
          class={css.quickSend!}
          icon="send"
          size={20}
          label={t("compose.send")}
          disabled={empty || busy}
          onClick={() => void send()}
        />
      </div>
      <p class={css.quickTo}>
        <span>{t("compose.toWhom", { who: list(people.slice(0, 4).map(shownName)) })}</span>
        {people.length > 4 && <span> {t("compose.andMore", { n: people.length - 4 })}</span>}
        {several && (
          <button type="button" onClick={() => setHow(how === "reply" ? "replyAll" : "reply")}>
            {how === "reply" ? t("compose.toAll") : t("compose.toSender")}
          </button>
        )}
      </p>
      {emoji && (
        <Emoji
          close={() => setEmoji(false)}
          choose={(sign) => {
            const f = field.current!;
            write(text.slice(0, f.selectionStart) + sign + text.slice(f.selectionEnd));
            f.focus();
          }}
        />
      )}
    </div>
  );
}

function QuickFiles({
  files,
  uploads,
  remove,
}: {
  files: readonly Attached[];
  uploads: Uploads;
  remove: (id: string) => void;
}) {
  if (!files.length) return null;
  return (
    <ul class={css.files} aria-label={t("compose.attachments")}>
      {files.map((f) => {
        const progress = uploads.progress.value.get(f.id);
        return (
          <li key={f.id} class={css.file} data-failed={!!progress?.error}>
            {progress && !progress.error ? (
              <Spinner label={t("compose.uploadingName", { name: f.name })} />
            ) : (
              <Icon name="file" size={20} />
            )}
            <div class={css.fileText}>
              <bdi translate={false}>{f.name}</bdi>
              {progress?.error ? <small role="alert">{explainError(progress.error)}</small> : null}
            </div>
            {!!progress?.error && (
              <IconButton
                icon="refresh"
                size={16}
                label={t("compose.retry", { name: f.name })}
                onClick={() => void uploads.send(f.id)}
              />
            )}
            <IconButton
              icon="close"
              size={16}
              label={t("compose.detach", { name: f.name })}
              onClick={() => {
                void uploads.remove(f.id);
                remove(f.id);
              }}
            />
          </li>
        );
      })}
    </ul>
  );
}

function useUploads(
  desk: Desk,
  threadId: Id,
  setFiles: (change: (before: readonly Attached[]) => readonly Attached[]) => void,
): Uploads {
  return useMemo(
    () =>
      new Uploads({
        key: quickKey(threadId),
        journal: desk.journal,
        upload: (data, o) => desk.mail.connection.upload(data, o),
        done: (id, blobId) => setFiles((before) => before.map((f) => (f.id === id ? { ...f, blobId } : f))),
      }),
    [desk, threadId],
  );
}

/** What stood in the line when the page was closed. */
function useKept(desk: Desk, threadId: Id, setText: (change: (now: string) => string) => void): void {
  useEffect(() => {
    desk.journal.entries().then(
      (all) => {
        const kept = all.find((e) => e.draft.key === quickKey(threadId))?.draft.text;
        if (kept) setText((now) => now || kept);
      },
      () => {},
    );
  }, [threadId]);
}

function keep(desk: Desk, threadId: Id, text: string): void {
  const key = quickKey(threadId);
  const done = text.trim()
    ? desk.journal.put(newEntry({ ...emptyDraft(undefined), key, rich: false, text }))
    : desk.journal.remove(key);
  done.catch(() => {});
}

async function deliver(desk: Desk, shown: Email, how: How, what: { text: string; files: Attached[] }): Promise<void> {
  const { mail } = desk;
  const email = shown.messageId && "references" in shown ? shown : await load(mail, shown.id);
  const identity = answering(email, mail.identities.value);
  const draft = {
    ...emptyDraft(identity),
    ...addressed(mail, email, how),
    subject: answerSubject(email.subject),
    rich: false,
    text: what.text,
    files: what.files,
    answers: { emailId: email.id, threadId: email.threadId!, how: "reply" as const },
  };
  // As in a chat, it goes at once.
  await desk.deliver(newSending(draft, { quick: true }));
}

const tallest = 160; // pixels: about seven lines

function grow(field: HTMLTextAreaElement | null): void {
  if (!field) return;
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, tallest)}px`;
}
