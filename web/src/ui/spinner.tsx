import css from "./ui.module.css";

export function Spinner({ label }: { label: string }) {
  return <div class={css.spinner} role="progressbar" aria-label={label} />;
}
