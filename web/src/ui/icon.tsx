import { type IconName, icons } from "./icons";
import css from "./ui.module.css";

export type { IconName } from "./icons";

const mirrored: ReadonlySet<IconName> = new Set<IconName>([
  "arrowLeft",
  "chevronLeft",
  "chevronRight",
  "forward",
  "reply",
  "replyAll",
  "send",
  "undo",
  "listBullets",
  "listNumbers",
  "move",
  "external",
  "important",
  "label",
  "quote",
]);

/** A drawing beside words, or inside a button that has a label: by itself it says nothing to who cannot see it. */
export function Icon({ name, size = 20, filled = false }: { name: IconName; size?: number; filled?: boolean }) {
  return (
    <svg
      class={mirrored.has(name) ? `${css.icon} ${css.mirrored}` : css.icon}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill={filled ? "currentColor" : "none"}
      stroke="currentColor"
      stroke-width={1.75}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={icons[name]} />
    </svg>
  );
}
