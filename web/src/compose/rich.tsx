// The rich editor (TipTap, on ProseMirror). It is a chunk of its own: nobody who reads waits for it.
//
// What is pasted goes through the schema, which is a list of what may be: no styles, no scripts, no pictures of elsewhere (they become
// links). Pictures that are pasted or dropped are handed out as files, and come back as cid: addresses.
import { Editor, mergeAttributes, Node } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import css from "./editor.module.css";
import { park, parkedStyle } from "./parked";
import { Toolbar } from "./tools";

export interface RichProps {
  html: string;
  label: string;
  generation: number; // another one: the content was replaced from outside
  autofocus?: boolean;
  picture: (cid: string) => string | undefined;
  onChange: (html: string) => void;
  /** Files that were pasted or dropped; pictures are answered with their cids. */
  onFiles: (files: File[], inline: boolean) => { cid: string | null; name: string }[];
  onReady: (handle: Handle | null) => void;
}

/** What the rest of the composer does with the editor. */
export interface Handle {
  editor: Editor;
  flush(): void;
  focus(): void;
  insertPictures(files: File[]): void;
}

const pause = 150; // milliseconds of typing before the text is handed on

export function RichEditor(props: RichProps) {
  const element = useRef<HTMLDivElement>(null);
  const current = useRef(props);
  current.current = props;
  const editor = useRef<Editor | null>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      if (timer === undefined) return;
      clearTimeout(timer);
      timer = undefined;
      current.current.onChange(htmlOf(made));
    };
    const insert = (files: readonly File[]): boolean => {
      if (!files.length) return false;
      const pictures = files.filter((f) => /^image\/(png|jpeg|gif|webp|avif)$/.test(f.type));
      const others = files.filter((f) => !pictures.includes(f));
      if (others.length) current.current.onFiles([...others], false);
      for (const { cid, name } of pictures.length ? current.current.onFiles([...pictures], true) : [])
        if (cid)
          made
            .chain()
            .focus()
            .insertContent({ type: "picture", attrs: { cid, alt: name } })
            .run();
      return true;
    };
    const made = new Editor({
      element: element.current!,
      injectCSS: false, // the policy of the page takes no styles of scripts
      extensions: [kit, pictureNode((cid) => current.current.picture(cid))],
      content: props.html,
      editorProps: {
        attributes: {
          role: "textbox",
          "aria-multiline": "true",
          "aria-label": props.label,
          dir: "auto",
          translate: "no",
        },
        transformPastedHTML: pasted,
        // These are the window's: left alone here, they reach it.
        handleDOMEvents: { keydown: (_, e) => e.key === "Escape" || (e.key === "Enter" && (e.ctrlKey || e.metaKey)) },
        handlePaste: (_, e) => insert(filesOf(e.clipboardData)),
        handleDrop: (_, e, __, moved) => {
          const taken = !moved && insert(filesOf(e.dataTransfer));
          if (taken) e.stopPropagation(); // the window would attach them
          return taken;
        },
      },
      onUpdate: () => {
        clearTimeout(timer);
        timer = setTimeout(flush, pause);
      },
      onBlur: flush,
    });
    editor.current = made;
    if (props.autofocus) made.commands.focus("start");
    props.onReady({ editor: made, flush, focus: () => made.commands.focus(), insertPictures: insert });
    return () => {
      flush();
      props.onReady(null);
      made.destroy();
    };
  }, []);

  useEffect(() => {
    if (editor.current && props.generation) editor.current.commands.setContent(props.html, { emitUpdate: false });
  }, [props.generation]);

  return <div ref={element} class={`${css.rich} ${css.text}`} />;
}

const htmlOf = (editor: Editor) => (editor.isEmpty ? "" : editor.getHTML());

const kit = StarterKit.configure({
  heading: { levels: [1, 2, 3] },
  link: { openOnClick: false, defaultProtocol: "https", HTMLAttributes: { rel: null, target: null } },
  trailingNode: false,
});

/** A picture in the text. In the HTML its source is cid:…; on the screen it is what `where` says. Its width is dragged at its corner. */
const pictureNode = (where: (cid: string) => string | undefined) =>
  Node.create({
    name: "picture",
    group: "inline",
    inline: true,
    draggable: true,
    addAttributes: () => ({ cid: { default: null }, alt: { default: "" }, width: { default: null } }),
    parseHTML: () => [
      {
        tag: "img[src]",
        getAttrs: (e) => {
          const cid = e.getAttribute("src")?.match(/^cid:(.+)$/i)?.[1];
          return cid
            ? { cid, alt: e.getAttribute("alt") ?? "", width: Number(e.getAttribute("width")) || null }
            : false;
        },
      },
    ],
    renderHTML: ({ HTMLAttributes: { cid, alt, width } }) => [
      "img",
      mergeAttributes({ src: `cid:${cid}`, alt }, width ? { width: String(width) } : {}),
    ],
    addNodeView: () => (o) =>
      pictureView(o.node.attrs as Picture, where, (width) => {
        const at = o.getPos();
        if (at !== undefined) o.editor.view.dispatch(o.editor.state.tr.setNodeAttribute(at, "width", width));
      }),
  });

interface Picture {
  cid: string;
  alt: string;
  width: number | null;
}

function pictureView(attrs: Picture, where: (cid: string) => string | undefined, resize: (width: number) => void) {
  const dom = document.createElement("span");
  dom.className = css.picture!;
  const img = document.createElement("img");
  img.alt = attrs.alt;
  const src = where(attrs.cid);
  if (src) img.src = src;
  if (attrs.width) img.width = attrs.width;
  const corner = document.createElement("span");
  corner.className = css.corner!;
  corner.title = t("compose.resize");
  corner.addEventListener("pointerdown", (e) => {
    e.preventDefault();
    corner.setPointerCapture(e.pointerId);
    const [start, width] = [e.clientX, img.offsetWidth];
    const side = getComputedStyle(dom).direction === "rtl" ? -1 : 1;
    corner.onpointermove = (m) => {
      img.width = Math.max(32, Math.round(width + side * (m.clientX - start)));
    };
    corner.onpointerup = () => {
      corner.onpointermove = null;
      resize(img.width);
    };
  });
  dom.append(img, corner);
  return { dom, ignoreMutation: () => true };
}

const filesOf = (data: DataTransfer | null) => [...(data?.files ?? [])];

/** What another program has copied: pictures of elsewhere become links, and what only Word understands goes. */
export function pasted(html: string): string {
  const doc = new DOMParser().parseFromString(park(html), "text/html");
  for (const e of doc.querySelectorAll("style, script, meta, link, title, o\\:p, xml")) e.remove();
  for (const img of doc.querySelectorAll("img")) {
    const src = img.getAttribute("src") ?? "";
    if (/^cid:/i.test(src)) continue;
    if (/^https?:/i.test(src)) {
      const link = doc.createElement("a");
      link.href = src;
      link.textContent = img.alt || src.slice(0, 200);
      img.replaceWith(link);
    } else img.remove();
  }
  // Word and Google write bold and italic as styles.
  for (const e of doc.querySelectorAll<HTMLElement>(`span[${parkedStyle}], b[${parkedStyle}]`)) {
    const style = e.getAttribute(parkedStyle) ?? "";
    if (e.tagName === "B" && /font-weight:\s*(normal|400)/i.test(style)) e.replaceWith(...e.childNodes);
    else if (e.tagName === "SPAN" && /font-weight:\s*(bold|[6-9]00)/i.test(style)) wrap(doc, e, "strong");
    else if (e.tagName === "SPAN" && /font-style:\s*italic/i.test(style)) wrap(doc, e, "em");
  }
  return doc.body.innerHTML;
}

function wrap(doc: Document, e: Element, tag: string): void {
  const outer = doc.createElement(tag);
  outer.append(...e.childNodes);
  e.replaceWith(outer);
}

/** The editor by itself: for signatures. */
export function SmallEditor({
  html,
  label,
  onChange,
}: {
  html: string;
  label: string;
  onChange: (html: string) => void;
}) {
  const [handle, setHandle] = useState<Handle | null>(null);
  return (
    <div class={css.small}>
      <RichEditor
        html={html}
        label={label}
        generation={0}
        picture={() => undefined}
        onChange={onChange}
        onFiles={() => []}
        onReady={setHandle}
      />
      {handle && <Toolbar editor={handle.editor} />}
    </div>
  );
}
