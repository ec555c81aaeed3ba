// The window that a message is written in.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Button, below, Icon, IconButton, later, Menu, type MenuItem, readable, useShortcuts } from "../ui";
import css from "./compose.module.css";
import type { Composition } from "./composition";
import type { Desk } from "./desk";
import { inPlainText, inRichText } from "./draft";
import { Files } from "./files";
import { Head } from "./head";
import { Notes } from "./notes";
import { ready } from "./ready";
import { Region } from "./region";
import type { Handle } from "./rich";
import { SendLater } from "./sendlater";

const RichEditor = later(() => import("./rich").then((m) => m.RichEditor), Loading);
const Toolbar = later(() => import("./tools").then((m) => m.Toolbar));

function Loading() {
  return <div class={css.loading} aria-busy="true" />;
}

export function Composer({ of, desk }: { of: Composition; desk: Desk }) {
  const section = useRef<HTMLElement>(null);
  const title = useId();
  const [editor, setEditor] = useState<Handle | null>(null);
  const [later, setLater] = useState(false);
  const [over, setOver] = useState(false);
  const view = of.view.value;
  const subject = of.draft.value.subject.trim();
  const here = () => !!section.current?.contains(document.activeElement);
  const send = async (at: Date | null = null) => {
    of.flushEditor();
    if (await ready(of, desk)) await desk.send(of, at);
  };
  useShortcuts("compose.room", [
    { keys: "Mod+Enter", text: "compose.send", writing: true, when: here, do: () => void send() },
    { keys: "Mod+Shift+Enter", text: "compose.sendLater", writing: true, when: here, do: () => setLater(true) },
    {
      keys: "Escape",
      text: "compose.close",
      writing: true,
      when: () => here() && !later,
      do: () => void desk.close(of),
    },
  ]);
  useEffect(() => {
    of.flushEditor = () => editor?.flush();
  }, [editor]);
  const drop = (e: DragEvent) => {
    setOver(false);
    const files = [...(e.dataTransfer?.files ?? [])];
    if (!files.length) return;
    e.preventDefault();
    of.attach(files);
  };
  return (
    <section
      ref={section}
      class={css.window}
      data-view={view}
      role="dialog"
      aria-labelledby={title}
      onDragOver={(e) => {
        if (!e.dataTransfer?.types.includes("Files")) return;
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={(e) => e.currentTarget.contains(e.relatedTarget as Node) || setOver(false)}
      onDrop={drop}
    >
      <div class={css.title}>
        <button
          type="button"
          class={css.titleText}
          aria-expanded={view !== "minimized"}
          onClick={() => {
            of.view.value = view === "minimized" ? "normal" : "minimized";
          }}
        >
          <span id={title} translate={subject ? false : undefined} dir="auto">
            {subject || t("compose.newMessage")}
          </span>
        </button>
        <Windows of={of} desk={desk} />
      </div>
      {view !== "minimized" &&
        (of.heldElsewhere.value ? (
          <Elsewhere of={of} desk={desk} />
        ) : (
          <>
            <Notes of={of} desk={desk} />
            <div class={css.scroll}>
              <Head of={of} />
              <Body of={of} onReady={setEditor} />
              <Files of={of} />
            </div>
            <Foot of={of} desk={desk} editor={editor} send={() => void send()} sendLater={() => setLater(true)} />
          </>
        ))}
      {over && (
        <div class={css.dropHere} aria-hidden="true">
          <Icon name="clip" size={28} />
          {t("compose.dropHere")}
        </div>
      )}
      {later && <SendLater desk={desk} close={() => setLater(false)} choose={(at) => void send(at)} />}
    </section>
  );
}

function Windows({ of, desk }: { of: Composition; desk: Desk }) {
  const view = of.view.value;
  return (
    <>
      <IconButton
        class={css.onWide!}
        icon={view === "minimized" ? "chevronUp" : "minus"}
        size={18}
        label={view === "minimized" ? t("compose.restore") : t("compose.minimize")}
        onClick={() => {
          of.view.value = view === "minimized" ? "normal" : "minimized";
        }}
      />
      <IconButton
        class={css.onWide!}
        icon="expand"
        size={18}
        label={view === "full" ? t("compose.smaller") : t("compose.full")}
        aria-pressed={view === "full"}
        onClick={() => {
          of.view.value = view === "full" ? "normal" : "full";
        }}
      />
      <IconButton icon="close" size={18} label={t("compose.close")} keys="Esc" onClick={() => void desk.close(of)} />
    </>
  );
}

function Body({ of, onReady }: { of: Composition; onReady: (handle: Handle | null) => void }) {
  const d = of.draft.value;
  const generation = of.generation.value;
  if (!d.rich) return <PlainText of={of} />;
  return (
    <div class={css.body}>
      <RichEditor
        html={d.html}
        label={t("compose.body")}
        generation={generation}
        autofocus={of.focus === "body"}
        picture={(cid) => of.picture(cid)}
        onChange={(html) => of.edit({ html })}
        onFiles={(files, inline) => of.attach(files, inline)}
        onReady={onReady}
      />
      {d.signature && (
        <Region
          html={d.signature}
          label={t("compose.signature")}
          generation={generation}
          picture={(cid) => of.picture(cid)}
          onChange={(signature) => of.edit({ signature })}
        />
      )}
      {d.quote && (
        <>
          <button
            type="button"
            class={css.fold}
            aria-expanded={d.quoteOpen}
            aria-label={d.quoteOpen ? t("compose.hideQuote") : t("compose.showQuote")}
            title={d.quoteOpen ? t("compose.hideQuote") : t("compose.showQuote")}
            onClick={() => of.edit({ quoteOpen: !d.quoteOpen })}
          >
            <Icon name="more" size={18} />
          </button>
          {d.quoteOpen && (
            <Region
              html={d.quote}
              label={t("compose.quoted")}
              generation={generation}
              picture={(cid) => of.picture(cid)}
              onChange={(quote) => of.edit({ quote })}
            />
          )}
        </>
      )}
    </div>
  );
}

function PlainText({ of }: { of: Composition }) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (of.focus !== "body") return;
    field.current?.focus();
    field.current?.setSelectionRange(0, 0);
  }, []);
  return (
    <textarea
      ref={field}
      class={css.plainText}
      aria-label={t("compose.body")}
      dir="auto"
      translate={false}
      value={of.draft.value.text}
      onInput={(e) => of.edit({ text: e.currentTarget.value })}
      onPaste={(e) => {
        const files = [...(e.clipboardData?.files ?? [])];
        if (!files.length) return;
        e.preventDefault();
        of.attach(files);
      }}
    />
  );
}

interface FootProps {
  of: Composition;
  desk: Desk;
  editor: Handle | null;
  send: () => void;
  sendLater: () => void;
}

function Foot({ of, desk, editor, send, sendLater }: FootProps) {
  const [formats, setFormats] = useState(() => innerWidth > 700);
  const [menu, setMenu] = useState<{ x: number; y: number } | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  const d = of.draft.value;
  const waiting = of.sending.value;
  const items: MenuItem[] = [
    { id: "plain", text: t("compose.plainText"), icon: "text", checked: !d.rich, do: () => change(of) },
    {
      id: "urgent",
      text: t("compose.urgent"),
      icon: "flag",
      checked: d.urgent,
      do: () => of.edit({ urgent: !d.urgent }),
    },
    {
      id: "discard",
      text: t("compose.discard"),
      icon: "trash",
      danger: true,
      divider: true,
      do: () => void desk.discard(of),
    },
  ];
  return (
    <div class={css.foot}>
      {formats && editor && d.rich && <Toolbar editor={editor.editor} />}
      <div class={css.actions}>
        <div class={css.split}>
          <Button kind="primary" icon="send" title={readable("Mod+Enter")} disabled={waiting} onClick={send}>
            {waiting ? t("compose.uploadsFirst") : t("compose.send")}
          </Button>
          <button
            type="button"
            class={css.splitMore}
            aria-label={t("compose.sendLater")}
            title={t("compose.sendLater")}
            onClick={sendLater}
          >
            <Icon name="clock" size={18} />
          </button>
        </div>
        {d.rich && (
          <IconButton
            icon="text"
            label={t("compose.formats")}
            aria-pressed={formats}
            onClick={() => setFormats(!formats)}
          />
        )}
        <IconButton icon="clip" label={t("compose.attach")} onClick={() => picker.current?.click()} />
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={(e) => {
            of.attach([...(e.currentTarget.files ?? [])]);
            e.currentTarget.value = "";
          }}
        />
        {d.rich && editor && <PictureButton editor={editor} />}
        <span class={css.state} role="status">
          <State of={of} />
        </span>
        <IconButton
          icon="trash"
          label={t("compose.discard")}
          class={css.onWide!}
          onClick={() => void desk.discard(of)}
        />
        <IconButton
          icon="more"
          label={t("compose.moreActions")}
          aria-haspopup="menu"
          onClick={(e) => setMenu(below(e.currentTarget))}
        />
      </div>
      {menu && <Menu items={items} at={menu} label={t("compose.moreActions")} close={() => setMenu(null)} />}
    </div>
  );
}

/** From formats to plain text, or back. */
function change(of: Composition): void {
  of.flushEditor();
  const d = of.draft.value;
  of.replace(d.rich ? inPlainText(d) : inRichText(d));
}

function PictureButton({ editor }: { editor: Handle }) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton icon="image" label={t("compose.picture")} onClick={() => picker.current?.click()} />
      <input
        ref={picker}
        type="file"
        accept="image/png,image/jpeg,image/gif,image/webp"
        multiple
        hidden
        onChange={(e) => {
          editor.insertPictures([...(e.currentTarget.files ?? [])]);
          e.currentTarget.value = "";
        }}
      />
    </>
  );
}

/** Where what was written is kept. */
function State({ of }: { of: Composition }) {
  switch (of.saver.state.value.is) {
    case "saved":
      return of.saver.serverId ? t("compose.saved") : null;
    case "saving":
      return t("compose.saving");
    case "failed":
      return t("compose.keptHere");
  }
  return null;
}

function Elsewhere({ of, desk }: { of: Composition; desk: Desk }) {
  return (
    <div class={css.elsewhere}>
      <Icon name="copy" size={32} />
      <p>{t("compose.openElsewhere")}</p>
      <Button kind="primary" onClick={() => void desk.takeOver(of)}>
        {t("compose.takeOver")}
      </Button>
    </div>
  );
}

/** The editor is fetched before it is needed, when the browser has nothing else to do. */
export function preload(): void {
  const idle = globalThis.requestIdleCallback ?? ((act: () => void) => setTimeout(act, 3000));
  idle(() => void import("./rich").catch(() => {}));
}
