import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon";
import css from "./ui.module.css";

type Native = Omit<JSX.IntrinsicElements["button"], "icon" | "label">;

export interface ButtonProps extends Native {
  kind?: "primary" | "plain" | "quiet" | "danger";
  icon?: IconName;
  children: ComponentChildren;
}

export function Button({ kind = "plain", icon, children, ...rest }: ButtonProps) {
  return (
    <button type="button" {...rest} class={`${css.button} ${css[kind]} ${rest.class ?? ""}`}>
      {icon && <Icon name={icon} size={18} />}
      <span>{children}</span>
    </button>
  );
}

export interface IconButtonProps extends Native {
  icon: IconName;
  label: string; // what it does: read aloud, and shown beside the pointer
  keys?: string; // the shortcut, for the tip
  filled?: boolean;
  size?: number;
}

export function IconButton({ icon, label, keys, filled = false, size = 20, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`${css.iconButton} ${rest.class ?? ""}`}
      aria-label={label}
      title={keys ? `${label} (${keys})` : label}
    >
      <Icon name={icon} size={size} filled={filled} />
    </button>
  );
}
