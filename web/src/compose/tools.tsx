// The formats that the editor offers. Part of its chunk.
import type { Editor } from "@tiptap/core";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Button, Dialog, IconButton, type IconName, readable, TextField } from "../ui";
import css from "./editor.module.css";

interface Tool {
  icon: IconName;
  label: Parameters<typeof t>[0];
  keys?: string;
  is?: string;
  run: (e: Editor) => void;
}

const tools: (Tool | null)[] = [
  { icon: "bold", label: "compose.bold", keys: "Mod+B", is: "bold", run: (e) => e.chain().focus().toggleBold().run() },
  {
    icon: "italic",
    label: "compose.italic",
    keys: "Mod+I",
    is: "italic",
    run: (e) => e.chain().focus().toggleItalic().run(),
  },
  {
    icon: "underline",
    label: "compose.underline",
    keys: "Mod+U",
    is: "underline",
    run: (e) => e.chain().focus().toggleUnderline().run(),
  },
  {
    icon: "strike",
    label: "compose.strike",
    keys: "Mod+Shift+S",
    is: "strike",
    run: (e) => e.chain().focus().toggleStrike().run(),
  },
  null,
  {
    icon: "heading",
    label: "compose.heading",
    is: "heading",
    run: (e) => e.chain().focus().toggleHeading({ level: 2 }).run(),
  },
  {
    icon: "listBullets",
    label: "compose.bullets",
    keys: "Mod+Shift+8",
    is: "bulletList",
    run: (e) => e.chain().focus().toggleBulletList().run(),
  },
  {
    icon: "listNumbers",
    label: "compose.numbers",
    keys: "Mod+Shift+7",
    is: "orderedList",
    run: (e) => e.chain().focus().toggleOrderedList().run(),
  },
  {
    icon: "quote",
    label: "compose.quote",
    keys: "Mod+Shift+B",
    is: "blockquote",
    run: (e) => e.chain().focus().toggleBlockquote().run(),
  },
  {
    icon: "code",
    label: "compose.code",
    keys: "Mod+E",
    is: "code",
    run: (e) =>
      e.state.selection.empty ? e.chain().focus().toggleCodeBlock().run() : e.chain().focus().toggleCode().run(),
  },
  null,
];

/** The formats; one is in it once with Tab, and moves by arrows (WAI-ARIA: toolbar). */
export function Toolbar({ editor }: { editor: Editor }) {
  const [, draw] = useState(0);
  const [asking, setAsking] = useState(false);
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const changed = () => draw((n) => n + 1);
    const link = (e: KeyboardEvent) => {
      if (e.key !== "k" || !(e.ctrlKey || e.metaKey)) return;
      e.preventDefault();
      setAsking(true);
    };
    const { dom } = editor.view;
    editor.on("transaction", changed);
    dom.addEventListener("keydown", link);
    return () => {
      editor.off("transaction", changed);
      dom.removeEventListener("keydown", link);
    };
  }, [editor]);
  const onKeyDown = (e: KeyboardEvent) => {
    const all = [...bar.current!.querySelectorAll("button")];
    const here = all.indexOf(document.activeElement as HTMLButtonElement);
    const on = document.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    if (here < 0 || (e.key !== "ArrowRight" && e.key !== "ArrowLeft")) return;
    e.preventDefault();
    all[(here + (e.key === on ? 1 : all.length - 1)) % all.length]!.focus();
  };
  const button = (tool: Tool, first = false) => (
    <IconButton
      key={tool.icon}
      icon={tool.icon}
      size={18}
      label={t(tool.label)}
      {...(tool.keys && { keys: readable(tool.keys) })}
      tabIndex={first ? 0 : -1}
      aria-pressed={tool.is ? editor.isActive(tool.is) : undefined}
      onMouseDown={(e) => e.preventDefault()}
      onClick={() => tool.run(editor)}
    />
  );
  return (
    <div ref={bar} class={css.tools} role="toolbar" aria-label={t("compose.formats")} onKeyDown={onKeyDown}>
      {tools.map((tool, i) => (tool ? button(tool, i === 0) : <span key={`gap ${i}`} class={css.gap} />))}
      {button({ icon: "link", label: "compose.link", keys: "Mod+K", is: "link", run: () => setAsking(true) })}
      {button({
        icon: "eraser",
        label: "compose.plain",
        keys: "Mod+\\",
        run: (e) => e.chain().focus().unsetAllMarks().clearNodes().run(),
      })}
      {asking && <LinkDialog editor={editor} close={() => setAsking(false)} />}
    </div>
  );
}

export function LinkDialog({ editor, close }: { editor: Editor; close: () => void }) {
  const before = String(editor.getAttributes("link").href ?? "");
  const [href, setHref] = useState(before);
  const set = () => {
    close();
    const chain = editor.chain().focus().extendMarkRange("link");
    const clean = href.trim();
    if (!clean) chain.unsetLink().run();
    else {
      const whole = /^(https?:|mailto:|tel:)/i.test(clean)
        ? clean
        : clean.includes("@")
          ? `mailto:${clean}`
          : `https://${clean}`;
      if (editor.state.selection.empty && !before)
        chain.insertContent({ type: "text", text: clean, marks: [{ type: "link", attrs: { href: whole } }] }).run();
      else chain.setLink({ href: whole }).run();
    }
  };
  const foot = (
    <Button kind="primary" onClick={set}>
      {t("compose.linkSet")}
    </Button>
  );
  return (
    <Dialog title={t("compose.link")} close={close} foot={foot}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          set();
        }}
      >
        <TextField label={t("compose.linkTo")} value={href} onInput={setHref} type="text" dir="ltr" autofocus />
      </form>
    </Dialog>
  );
}
