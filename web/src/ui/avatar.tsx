import css from "./ui.module.css";

const hues = 12;

/** A person's sign: the first letter of the name on a colour that goes with the address. Beside the name: it says nothing by itself. */
export function Avatar({ name, email, size = 36 }: { name?: string | null; email: string; size?: number }) {
  const letter = [...(name?.trim() || email)][0]?.toLocaleUpperCase() ?? "?";
  return (
    <span
      class={css.avatar}
      data-hue={hue(email)}
      style={{ inlineSize: `${size}px`, blockSize: `${size}px`, fontSize: `${size * 0.45}px` }}
      aria-hidden="true"
      translate={false}
    >
      {letter}
    </span>
  );
}

export function hue(email: string): number {
  let sum = 0;
  for (const sign of email.toLowerCase()) sum = (sum * 31 + sign.codePointAt(0)!) >>> 0;
  return sum % hues;
}
