import { signal } from "@preact/signals";
import { useId, useState } from "preact/hooks";
import { locale, t } from "../i18n";
import type { Id, Mailbox } from "../jmap/types";
import { type Mail, say, troubleOf, useMail } from "../model";
import { Button, Dialog, Icon, TextField } from "../ui";
import { doWith } from "./bulk";
import { chosen } from "./choice";
import css from "./choices.module.css";
import { iconOf, nameOf } from "./names";
import { grow, lines } from "./tree";

interface Option {
  id: string;
  text: string;
  path: string; // those above it
  icon: ReturnType<typeof iconOf> | "plus";
  user: boolean;
  state?: "all" | "some" | "none";
  do: () => void;
}

/** The mailboxes that a name is part of, those with a role first. */
function named(mail: Mail, typed: string, keep: (m: Mailbox) => boolean): { mailbox: Mailbox; path: string }[] {
  const mailboxes = mail.mailboxes.value;
  const { known, tree } = grow(mailboxes, (a, b) => a.localeCompare(b, locale.value));
  const wanted = typed.trim().toLocaleLowerCase();
  return [...known, ...lines(tree, new Set()).map((l) => l.mailbox)]
    .filter(keep)
    .map((mailbox) => ({ mailbox, path: above(mailbox, mailboxes) }))
    .filter(({ mailbox, path }) => `${path}/${nameOf(mailbox)}/${mailbox.name}`.toLocaleLowerCase().includes(wanted));
}

function above(mailbox: Mailbox, mailboxes: readonly Mailbox[]): string {
  const names: string[] = [];
  let id = mailbox.parentId;
  for (let depth = 0; id && depth < 20; depth++) {
    const m = mailboxes.find((other) => other.id === id);
    if (m) names.unshift(nameOf(m));
    id = m?.parentId ?? null;
  }
  return names.join(" / ");
}

/** Chooses a mailbox by typing some of its name. `top` is what the place above all is called, where it can be chosen. */
export function MailboxPicker({
  except,
  top,
  take,
}: {
  except: ReadonlySet<Id>;
  top?: string;
  take: (id: Id) => void;
}) {
  const mail = useMail();
  const [typed, setTyped] = useState("");
  const choose = (id: Id) => {
    chosen();
    take(id);
  };
  const may = (m: Mailbox) =>
    !except.has(m.id) && m.myRights.mayAddItems && !["snoozed", "scheduled", "drafts"].includes(m.role ?? "");
  const options: Option[] = named(mail, typed, may).map(({ mailbox, path }) => ({
    id: mailbox.id,
    text: nameOf(mailbox),
    path,
    icon: iconOf(mailbox),
    user: !mailbox.role,
    do: () => choose(mailbox.id),
  }));
  if (top && !typed)
    options.unshift({ id: "", text: top, path: "", icon: "folder", user: false, do: () => choose("") });
  if (!top) options.push(...creating(mail, typed, choose));
  return <Picker label={t("list.moveTo")} typed={typed} setTyped={setTyped} options={options} />;
}

/** Puts labels on emails, and takes them off. */
export function LabelPicker({ emailIds }: { emailIds: readonly Id[] }) {
  const mail = useMail();
  const [typed, setTyped] = useState("");
  const emails = emailIds.slice(0, 200).map((id) => mail.email(id).value);
  const stateOf = (m: Mailbox) => {
    const n = emails.filter((e) => e?.mailboxIds?.[m.id]).length;
    return n === 0 ? "none" : n === emails.length ? "all" : "some";
  };
  const options: Option[] = named(mail, typed, (m) => !m.role && m.myRights.mayAddItems).map(({ mailbox, path }) => {
    const state = stateOf(mailbox);
    return {
      id: mailbox.id,
      text: mailbox.name,
      path,
      icon: "label",
      user: true,
      state,
      do: () =>
        void doWith(mail, emailIds, (a, ids) =>
          state === "all" ? a.removeFrom(ids, mailbox.id) : a.addTo(ids, mailbox.id),
        ),
    };
  });
  const add = (id: Id) => {
    setTyped("");
    void doWith(mail, emailIds, (a, ids) => a.addTo(ids, id));
  };
  options.push(...creating(mail, typed, add));
  return <Picker label={t("list.labels")} typed={typed} setTyped={setTyped} options={options} />;
}

/** What was typed can be the name of a new one. */
function creating(mail: Mail, typed: string, use: (id: Id) => void): Option[] {
  const name = typed.trim();
  if (!name || mail.mailboxes.value.some((m) => !m.parentId && m.name.toLowerCase() === name.toLowerCase())) return [];
  const create = () => void mail.do.createMailbox(name).then(use, () => {}); // the model tells why not
  return [{ id: "new", text: t("list.createNamed", { name }), path: "", icon: "plus", user: false, do: create }];
}

/** A line to type in with a list below it (WAI-ARIA: combobox). */
function Picker(props: { label: string; typed: string; setTyped: (s: string) => void; options: readonly Option[] }) {
  const { options, label } = props;
  const [at, setAt] = useState(0);
  const id = useId();
  const here = Math.min(at, options.length - 1);
  const key = (e: KeyboardEvent) => {
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: options.length - 1 }[e.key];
    if (to !== undefined && options.length) setAt((to + options.length) % options.length);
    else if (e.key === "Enter") options[here]?.do();
    else if (e.key === "Tab") chosen();
    else return;
    e.preventDefault();
  };
  return (
    <>
      <input
        class={css.filter}
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={options.length ? `${id}-${here}` : undefined}
        aria-label={label}
        placeholder={label}
        value={props.typed}
        autocomplete="off"
        spellcheck={false}
        maxLength={200}
        onInput={(e) => {
          props.setTyped(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={key}
      />
      <div
        class={css.options}
        id={id}
        role="listbox"
        aria-label={label}
        aria-multiselectable={options[0]?.state ? "true" : "false"}
      >
        {options.map((o, i) => (
          <OptionLine key={o.id} id={`${id}-${i}`} option={o} here={i === here} hover={() => setAt(i)} />
        ))}
        {!options.length && <p class={css.nothing}>{t("list.noneNamed")}</p>}
      </div>
    </>
  );
}

function OptionLine(props: { id: string; option: Option; here: boolean; hover: () => void }) {
  const { option: o, here } = props;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the line above has the keys
    <div
      id={props.id}
      class={css.option}
      role="option"
      tabIndex={-1}
      aria-selected={o.state ? o.state === "all" : here}
      data-here={here}
      ref={(e) => {
        if (here) e?.scrollIntoView({ block: "nearest" });
      }}
      onPointerMove={props.hover}
      onClick={o.do}
    >
      {o.state && (
        <span class={css.box} data-state={o.state}>
          {o.state !== "none" && <Icon name={o.state === "all" ? "check" : "minus"} size={14} />}
        </span>
      )}
      {!o.state && <Icon name={o.icon} size={18} />}
      <span class={css.optionText} translate={o.user ? false : undefined}>
        {o.text}
      </span>
      {o.path && (
        <span class={css.optionPath} translate={false}>
          {o.path}
        </span>
      )}
    </div>
  );
}

interface Naming {
  title: string;
  value: string;
  confirm: string;
  take: (name: string) => Promise<unknown>;
}

/** The question how something is called, where it is asked. */
export const nameDialog = signal<Naming | null>(null);

export function NameDialog({ title, value, confirm, take }: Naming) {
  const [name, setName] = useState(value);
  const [error, setError] = useState<string | null>(null);
  const close = () => {
    nameDialog.value = null;
  };
  const go = async () => {
    try {
      await take(name.trim());
      close();
    } catch (e) {
      setError(say(troubleOf(e)));
    }
  };
  const foot = (
    <>
      <Button onClick={close}>{t("ui.cancel")}</Button>
      <Button kind="primary" disabled={!name.trim()} onClick={() => void go()}>
        {confirm}
      </Button>
    </>
  );
  return (
    <Dialog title={title} close={close} foot={foot}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (name.trim()) void go();
        }}
      >
        <TextField
          label={t("list.name")}
          value={name}
          onInput={setName}
          error={error}
          autofocus
          maxLength={200}
          dir="auto"
        />
      </form>
    </Dialog>
  );
}
