// HTML that the editor would spoil, to be written in all the same: what is quoted, a signature. It is shown with its formats, and pictures
// of elsewhere are not fetched; what is read out of it is the HTML as it was, with what was changed.
import { useEffect, useRef } from "preact/hooks";
import css from "./editor.module.css";
import { parkedStyle } from "./parked";

interface Props {
  html: string; // clean, its styles parked
  label: string;
  generation: number;
  picture: (cid: string) => string | undefined;
  onChange: (html: string) => void;
}

export function Region({ html, label, generation, picture, onChange }: Props) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    show(element.current!, html, picture);
  }, [generation]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: HTML is written in it
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click is kept from leaving the page
    <div
      ref={element}
      class={`${css.region} ${css.text}`}
      contentEditable
      tabIndex={0}
      role="textbox"
      aria-multiline="true"
      aria-label={label}
      translate={false}
      dir="auto"
      onInput={() => onChange(read(element.current!))}
      onPaste={(e) => {
        // Only words: markup of elsewhere has not been made clean.
        e.preventDefault();
        document.execCommand("insertText", false, e.clipboardData?.getData("text/plain") ?? "");
      }}
      onClick={(e) => (e.target as Element).closest("a") && e.preventDefault()}
    />
  );
}

/** Puts HTML into an element. The policy of the page takes no style attributes from markup: they are set through the DOM. */
function show(host: HTMLElement, html: string, picture: Props["picture"]): void {
  const from = new DOMParser().parseFromString(html, "text/html").body;
  const styles: [HTMLElement, string][] = [];
  for (const e of from.querySelectorAll<HTMLElement>(`[${parkedStyle}]`)) {
    styles.push([e, e.getAttribute(parkedStyle)!]);
    e.removeAttribute(parkedStyle);
  }
  for (const img of from.querySelectorAll("img")) {
    const src = img.getAttribute("src") ?? "";
    img.dataset.src = src;
    const cid = src.match(/^cid:(.*)$/i)?.[1];
    const known = cid && picture(cid);
    if (known) img.setAttribute("src", known);
    else if (!/^data:image\//i.test(src)) img.removeAttribute("src");
  }
  host.replaceChildren(...from.childNodes);
  for (const [e, style] of styles) e.style.cssText = style;
}

function read(host: HTMLElement): string {
  const copy = host.cloneNode(true) as HTMLElement;
  for (const e of copy.querySelectorAll<HTMLElement>("[style]")) {
    e.setAttribute(parkedStyle, e.getAttribute("style")!);
    e.removeAttribute("style");
  }
  for (const img of copy.querySelectorAll("img")) {
    if (img.dataset.src) img.setAttribute("src", img.dataset.src);
    delete img.dataset.src;
  }
  return copy.innerHTML;
}
