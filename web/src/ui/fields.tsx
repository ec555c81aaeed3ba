import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import css from "./ui.module.css";

interface Described {
  label: string;
  help?: ComponentChildren;
  error?: string | null | undefined;
}

interface TextProps extends Described {
  value: string;
  onInput: (value: string) => void;
  onCommit?: (value: string) => void; // left, or Enter
  rows?: number; // several lines
  type?: "text" | "email" | "password" | "search" | "url" | "date" | "time" | "datetime-local" | "number";
  name?: string;
  autocomplete?: string;
  placeholder?: string;
  required?: boolean;
  disabled?: boolean;
  readOnly?: boolean;
  autofocus?: boolean;
  dir?: "ltr" | "rtl" | "auto";
  minLength?: number;
  maxLength?: number;
}

/** A line, or with `rows` several, to write in, with its label above and its error below. */
export function TextField({
  label,
  help,
  error,
  rows,
  onInput,
  onCommit,
  type = "text",
  autofocus = false,
  ...rest
}: TextProps) {
  const id = useId();
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  useEffect(() => {
    if (autofocus) field.current?.focus();
  }, []);
  const shared = {
    ...rest,
    id,
    ref: field,
    class: css.input,
    "aria-invalid": !!error,
    "aria-describedby": error ? `${id}-error` : help ? `${id}-help` : undefined,
    onInput: (e: Event) => onInput((e.currentTarget as HTMLInputElement).value),
    onChange: (e: Event) => onCommit?.((e.currentTarget as HTMLInputElement).value),
  };
  return (
    <div class={css.field}>
      <label for={id}>{label}</label>
      {rows ? <textarea {...shared} rows={rows} /> : <Line {...shared} type={type} />}
      {error && (
        <p id={`${id}-error`} class={css.error}>
          {error}
        </p>
      )}
      {help && !error && (
        <p id={`${id}-help`} class={css.help}>
          {help}
        </p>
      )}
    </div>
  );
}

// The types of elements tell inputs apart by a type that is known where they are written; here it is a value.
const Line = "input" as unknown as ComponentType<Record<string, unknown>>;

export function SelectField<T extends string>({
  label,
  help,
  value,
  options,
  onChoose,
  user = false,
}: Described & {
  value: T;
  options: readonly { value: T; text: string }[];
  onChoose: (value: T) => void;
  user?: boolean;
}) {
  const id = useId();
  return (
    <div class={css.field}>
      <label for={id}>{label}</label>
      <select
        id={id}
        class={css.input}
        value={value}
        onChange={(e) => onChoose(e.currentTarget.value as T)}
        translate={user ? false : undefined}
      >
        {options.map((o) => (
          <option key={o.value} value={o.value}>
            {o.text}
          </option>
        ))}
      </select>
      {help && <p class={css.help}>{help}</p>}
    </div>
  );
}

export function Switch({
  label,
  help,
  checked,
  onSwitch,
  disabled = false,
}: Described & { checked: boolean; onSwitch: (on: boolean) => void; disabled?: boolean }) {
  const id = useId();
  return (
    <div class={css.switchRow}>
      <div>
        <label for={id}>{label}</label>
        {help && (
          <p id={`${id}-help`} class={css.help}>
            {help}
          </p>
        )}
      </div>
      <input
        id={id}
        class={css.switch}
        type="checkbox"
        role="switch"
        aria-checked={checked}
        checked={checked}
        disabled={disabled}
        aria-describedby={help ? `${id}-help` : undefined}
        onChange={(e) => onSwitch(e.currentTarget.checked)}
      />
    </div>
  );
}
