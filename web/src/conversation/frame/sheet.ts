// The frame's own sheet. It comes after the message's, and says with !important what the height and the reach of a message depend on.
import { bodyClass } from "../../safe";

/** What a message is shown on: the page's own ground and ink, or white paper for mail that brings its colours. */
export interface Paper {
  text: string;
  muted: string;
  accent: string;
  hover: string;
  font: string;
  coloured: boolean; // the message's colours stay
  dark: boolean;
}

export function frameSheet(p: Paper): string {
  return `
:root { color-scheme: ${p.dark ? "dark" : "light"}; background: transparent !important; }
html, body { display: block !important; position: static !important; margin: 0 !important; padding: 0 !important; border: 0 !important; inline-size: auto !important;
  min-inline-size: 0 !important; max-inline-size: none !important; block-size: auto !important; min-block-size: 0 !important; max-block-size: none !important;
  overflow: hidden !important; opacity: 1 !important; visibility: visible !important; }
:where(body) { color: ${p.text}; font: 15px/1.55 ${p.font}; overflow-wrap: break-word; }
.${bodyClass} { display: flow-root !important; min-block-size: 0 !important; block-size: auto !important; max-block-size: none !important; visibility: visible !important;
  overflow-x: auto !important; overflow-y: hidden !important; float: none !important; }
:where(.${bodyClass}) { padding: ${p.coloured ? "12px" : "0"}; }
:where(.${bodyClass} a[href]) { color: ${p.accent}; }
:where(.${bodyClass} > :first-child) { margin-block-start: 0; }
:where(.${bodyClass} > :last-child) { margin-block-end: 0; }
:where(blockquote) { margin-inline: 0; padding-inline-start: 12px; border-inline-start: 3px solid ${p.hover}; }
:where(pre) { white-space: pre-wrap; }
:where(img) { max-inline-size: 100%; }
img.mm-blocked { background: repeating-linear-gradient(135deg, ${p.hover} 0 8px, transparent 8px 16px) !important; outline: 1px dashed ${p.muted}; outline-offset: -1px;
  min-inline-size: 24px; min-block-size: 24px; }
img.mm-tracker { display: none !important; }
.mm-fold > summary { inline-size: fit-content; margin-block: 8px; padding: 0 12px; border-radius: 10px; background: ${p.hover}; color: ${p.muted}; cursor: pointer;
  list-style: none; font: 700 13px/20px ${p.font}; letter-spacing: 1px; user-select: none; }
.mm-fold > summary::-webkit-details-marker { display: none; }
:focus-visible { outline: 2px solid ${p.accent}; outline-offset: 1px; }
@media print { .${bodyClass} { zoom: 1 !important; } ${p.coloured ? "" : `:root { color-scheme: light; } body, .${bodyClass} { color: #000 !important; }`} }
@media (pointer: coarse) { .mm-fold > summary { line-height: 32px; } }
@media (max-width: 640px) { img { max-inline-size: 100% !important; } img:not(.mm-blocked) { block-size: auto; } }
${p.coloured ? "" : `.${bodyClass}, .${bodyClass} :not(a, a *, summary) { color: inherit !important; background-color: transparent !important; }`}
`;
}
