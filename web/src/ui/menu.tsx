import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon";
import css from "./ui.module.css";

export interface MenuItem {
  id: string;
  text: string;
  icon?: IconName;
  hint?: string; // a shortcut, a time
  checked?: boolean;
  danger?: boolean;
  disabled?: boolean;
  user?: boolean; // the text is a person's, not ours
  divider?: boolean; // a line above it
  do: () => void;
}

interface Place {
  x: number;
  y: number;
}

/** Where a menu for an element opens: below its start, in the direction of reading. */
export function below(element: Element): Place {
  const box = element.getBoundingClientRect();
  return { x: document.dir === "rtl" ? box.right : box.left, y: box.bottom + 4 };
}

/** A menu (WAI-ARIA: menu) at a place of the window. Arrow keys, letters, Home, End and Escape work in it; focus goes back where it came from. */
export function Menu({
  items,
  at,
  label,
  close,
}: {
  items: readonly MenuItem[];
  at: Place;
  label: string;
  close: () => void;
}) {
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const element = menu.current!;
    keepInside(element, at);
    buttons(element)[0]?.focus();
    const outside = (e: Event) => {
      if (!element.contains(e.target as Node)) close();
    };
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("blur", close);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("blur", close);
      if (element.contains(document.activeElement) || document.activeElement === document.body) before?.focus();
    };
  }, []);
  return (
    <div ref={menu} class={css.menu} role="menu" aria-label={label} onKeyDown={(e) => move(e, menu.current!, close)}>
      {items.map((item) => (
        <Item key={item.id} item={item} close={close} />
      ))}
    </div>
  );
}

function Item({ item, close }: { item: MenuItem; close: () => void }) {
  const kind =
    item.checked === undefined
      ? ({ role: "menuitem" } as const)
      : ({ role: "menuitemcheckbox", "aria-checked": item.checked } as const);
  const choose = () => {
    if (item.disabled) return;
    close();
    item.do();
  };
  return (
    <button
      type="button"
      {...kind}
      aria-disabled={item.disabled}
      tabIndex={-1}
      class={`${css.menuItem} ${item.danger ? css.dangerText : ""} ${item.divider ? css.divided : ""}`}
      onClick={choose}
    >
      <span class={css.menuIcon}>
        {item.checked ? <Icon name="check" size={18} /> : item.icon && <Icon name={item.icon} size={18} />}
      </span>
      <span class={css.menuText} translate={item.user ? false : undefined}>
        {item.text}
      </span>
      {item.hint && (
        <span class={css.menuHint} translate={false}>
          {item.hint}
        </span>
      )}
    </button>
  );
}

const buttons = (menu: HTMLElement) => [...menu.querySelectorAll<HTMLButtonElement>("button")];

function keepInside(menu: HTMLElement, at: Place) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const start = document.dir === "rtl" ? at.x - width : at.x;
  menu.style.left = `${Math.max(8, Math.min(start, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(at.y, innerHeight - height - 8))}px`;
}

function move(e: KeyboardEvent, menu: HTMLElement, close: () => void) {
  const all = buttons(menu);
  const here = all.indexOf(document.activeElement as HTMLButtonElement);
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[e.key];
  if (to !== undefined) all[(to + all.length) % all.length]?.focus();
  else if (e.key === "Escape" || e.key === "Tab") close();
  else if (e.key.length === 1 && e.key !== " ") {
    const after = [...all.slice(here + 1), ...all.slice(0, here + 1)];
    after.find((b) => b.textContent?.trim().toLocaleLowerCase().startsWith(e.key.toLocaleLowerCase()))?.focus();
  } else return;
  e.preventDefault();
  e.stopPropagation();
}
