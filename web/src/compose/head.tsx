import { useState } from "preact/hooks";
import { t } from "../i18n";
import { useMail } from "../model";
import { add, keyOf, type Person } from "./address";
import css from "./compose.module.css";
import type { Composition } from "./composition";
import { type Field, People } from "./people";

/** From whom, to whom, about what. */
export function Head({ of }: { of: Composition }) {
  const { identities } = useMail();
  const d = of.draft.value;
  const [shown, setShown] = useState({ cc: d.cc.length > 0, bcc: d.bcc.length > 0 });
  const generation = of.generation.value;
  const move = (to: Field) => (from: Field, people: readonly Person[]) => {
    const keys = new Set(people.map(keyOf));
    of.edit({ [from]: d[from].filter((p) => !keys.has(keyOf(p))), [to]: add(d[to], people) });
  };
  const field = (name: Field, autofocus = false) => (
    <People
      key={`${name} ${generation}`}
      field={name}
      label={t(`compose.${name}`)}
      people={d[name]}
      onChange={(people) => of.edit({ [name]: people })}
      onMove={move(name)}
      autofocus={autofocus}
    />
  );
  return (
    <div class={css.head}>
      {identities.value.length > 1 && (
        <div class={css.line}>
          <label for={`from ${of.key}`}>{t("compose.from")}</label>
          <select
            id={`from ${of.key}`}
            value={of.identity?.id}
            translate={false}
            onChange={(e) => {
              const chosen = identities.value.find((i) => i.id === e.currentTarget.value);
              if (chosen) void of.choose(chosen);
            }}
          >
            {identities.value.map((i) => (
              <option key={i.id} value={i.id}>
                {i.name ? `${i.name} <${i.email}>` : i.email}
              </option>
            ))}
          </select>
        </div>
      )}
      <div class={css.toLine}>
        {field("to", of.focus === "to")}
        <span class={css.ccs}>
          {!shown.cc && !d.cc.length && (
            <button type="button" onClick={() => setShown({ ...shown, cc: true })}>
              {t("compose.cc")}
            </button>
          )}
          {!shown.bcc && !d.bcc.length && (
            <button type="button" onClick={() => setShown({ ...shown, bcc: true })}>
              {t("compose.bcc")}
            </button>
          )}
        </span>
      </div>
      {(shown.cc || d.cc.length > 0) && field("cc", shown.cc && !d.cc.length)}
      {(shown.bcc || d.bcc.length > 0) && field("bcc", shown.bcc && !d.bcc.length)}
      <div class={css.line}>
        <input
          class={css.subject}
          aria-label={t("compose.subject")}
          placeholder={t("compose.subject")}
          dir={d.subject ? "auto" : undefined}
          maxLength={990}
          value={d.subject}
          onInput={(e) => of.edit({ subject: e.currentTarget.value })}
        />
      </div>
    </div>
  );
}
