// A field of recipients: chips, with completion from the people the account knows. All of it works by keyboard; lists of thousands stay quick,
// since what is out of sight is counted and not drawn.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import type { Contact } from "../jmap/types";
import { useMail } from "../model";
import { shownName } from "../safe/names";
import { Avatar, announce, Icon } from "../ui";
import { add, keyOf, type Person, parsePeople, person, written } from "./address";
import css from "./people.module.css";

export type Field = "to" | "cc" | "bcc";

const atRest = 10; // chips of a field that nobody writes in
const atWork = 60;
const dragType = "application/x-mailmesh-people";

interface Props {
  field: Field;
  label: string;
  people: readonly Person[];
  onChange: (people: Person[]) => void;
  /** People were dragged here from another field. */
  onMove: (from: Field, people: readonly Person[]) => void;
  autofocus?: boolean;
}

export function People(props: Props) {
  const { people, onChange, label, field } = props;
  const input = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [text, setText] = useState("");
  const [inside, setInside] = useState(false);
  const [more, setMore] = useState(0);
  const [over, setOver] = useState(false);
  const id = useId();
  const found = useSuggestions(inside ? text : "", people);
  const { list, active, setActive } = found;

  useEffect(() => {
    if (props.autofocus) input.current?.focus();
  }, []);

  const take = (added: readonly Person[]) => {
    onChange(add(people, added));
    setText("");
    if (added.length === 1) announce(t("compose.added", { who: added[0]!.name || added[0]!.email }));
    else if (added.length) announce(t("compose.addedMany", { n: added.length }));
  };
  const commit = () => {
    if (text.trim()) take(parsePeople(text));
  };
  const choose = (c: Contact) => take([person(c.name, c.email)]);
  const remove = (at: number) => {
    announce(t("compose.removed", { who: people[at]!.name || people[at]!.email }));
    onChange(people.filter((_, i) => i !== at));
  };
  const edit = (at: number) => {
    setText(people[at]!.wrong ? people[at]!.email : written(people[at]!));
    onChange(people.filter((_, i) => i !== at));
    input.current?.focus();
  };
  const focusChip = (at: number) => {
    const chips = box.current?.querySelectorAll<HTMLButtonElement>("button[data-chip]");
    if (chips && at >= 0 && at < chips.length) chips[at]!.focus();
    else input.current?.focus();
  };

  const onKeyDown = (e: KeyboardEvent) => {
    if (e.isComposing) return;
    const open = list.length > 0;
    if (open && (e.key === "ArrowDown" || e.key === "ArrowUp")) {
      setActive((active + (e.key === "ArrowDown" ? 1 : list.length - 1)) % list.length);
    } else if (open && e.key === "Escape") {
      found.hide();
      e.stopPropagation();
    } else if ((e.key === "Enter" && !e.ctrlKey && !e.metaKey) || (e.key === "Tab" && !e.shiftKey && text.trim())) {
      const known = open && !wholeAddress(text) ? list[Math.max(active, 0)] : active >= 0 ? list[active] : undefined;
      if (!text.trim()) {
        if (e.key === "Enter") e.preventDefault();
        return;
      }
      if (known) choose(known);
      else commit();
    } else if ((e.key === "," || e.key === ";") && text.trim() && !openQuote(text)) commit();
    else if (e.key === "Backspace" && !text && people.length)
      focusChip(box.current!.querySelectorAll("button[data-chip]").length - 1);
    else if (e.key === backward() && !text && people.length)
      focusChip(box.current!.querySelectorAll("button[data-chip]").length - 1);
    else return;
    e.preventDefault();
  };
  const onPaste = (e: ClipboardEvent) => {
    const pasted = e.clipboardData?.getData("text/plain") ?? "";
    if (!/[@\n,;]/.test(pasted)) return;
    e.preventDefault();
    take(parsePeople(text + pasted));
  };
  const onDrop = (e: DragEvent) => {
    setOver(false);
    const carried = e.dataTransfer?.getData(dragType);
    if (!carried) return;
    e.preventDefault();
    e.stopPropagation();
    const { from, emails } = JSON.parse(carried) as { from: Field; emails: Person[] };
    if (from !== field) props.onMove(from, emails);
  };

  const shown = shownOf(people, inside ? atWork + more : atRest + more);
  const hidden = people.length - shown.length;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the field around the input: a click beside it writes in it
    // biome-ignore lint/a11y/useKeyWithClickEvents: by keyboard one is in the input already
    <div
      class={css.row}
      data-over={over}
      onClick={(e) => e.target === e.currentTarget && input.current?.focus()}
      onDragOver={(e) => {
        if (!e.dataTransfer?.types.includes(dragType)) return;
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
      onFocusOut={(e) => setInside(e.currentTarget.contains(e.relatedTarget as Node | null))}
    >
      <label class={css.label} for={id}>
        {label}
      </label>
      <div class={css.box} ref={box}>
        {shown.map(([p, at], n) => (
          <Chip
            key={keyOf(p)}
            person={p}
            field={field}
            remove={() => {
              remove(at);
              focusChip(n);
            }}
            edit={() => edit(at)}
            step={(by) => focusChip(n + by)}
          />
        ))}
        {hidden > 0 && (
          <button
            type="button"
            class={css.more}
            onPointerDown={(e) => e.preventDefault()}
            onClick={() => setMore(more + 200)}
          >
            {t("compose.more", { n: hidden })}
          </button>
        )}
        <input
          id={id}
          ref={input}
          class={css.input}
          value={text}
          dir="auto"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          inputMode="email"
          role="combobox"
          aria-expanded={list.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={active >= 0 && list[active] ? `${id}-${active}` : undefined}
          onInput={(e) => setText(e.currentTarget.value)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
          onFocus={() => setInside(true)}
          onBlur={commit}
        />
        {list.length > 0 && (
          <div id={`${id}-list`} class={css.list} role="listbox" aria-label={label}>
            {list.map((c, i) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the input
              <div
                key={c.id}
                id={`${id}-${i}`}
                role="option"
                tabIndex={-1}
                aria-selected={i === active}
                class={css.option}
                onPointerDown={(e) => e.preventDefault()}
                onClick={() => {
                  choose(c);
                  input.current?.focus();
                }}
              >
                <Avatar name={c.name} email={c.email} size={28} />
                <span class={css.optionText} translate={false}>
                  <bdi>{c.name || c.email}</bdi>
                  {c.name && <small dir="ltr">{c.email}</small>}
                </span>
              </div>
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

/** What is shown of many: what is wrong first of all, so that it can be put right; then the first ones. */
function shownOf(people: readonly Person[], n: number): [Person, number][] {
  const all = people.map((p, i): [Person, number] => [p, i]);
  if (all.length <= n + 2) return all;
  const wrong = all.filter(([p]) => p.wrong).slice(0, n);
  return [...wrong, ...all.filter(([p]) => !p.wrong).slice(0, Math.max(n - wrong.length, 0))].sort(
    (a, b) => a[1] - b[1],
  );
}

const backward = () => (document.dir === "rtl" ? "ArrowRight" : "ArrowLeft");
const wholeAddress = (text: string) => !parsePeople(text).some((p) => p.wrong);
const openQuote = (text: string) => (text.match(/"/g)?.length ?? 0) % 2 === 1;

interface ChipProps {
  person: Person;
  field: Field;
  remove: () => void;
  edit: () => void;
  step: (by: number) => void;
}

function Chip({ person: p, field, remove, edit, step }: ChipProps) {
  const reason = p.wrong && t(`compose.wrong.${p.wrong}`);
  const onKeyDown = (e: KeyboardEvent) => {
    const back = backward();
    const on = back === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    if (e.key === back) step(-1);
    else if (e.key === on) step(1);
    else if (e.key === "Backspace" || e.key === "Delete") remove();
    else if (e.key === "Enter" && !e.ctrlKey && !e.metaKey) edit();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it is dragged; by keyboard one cuts and pastes
    <span
      class={css.chip}
      data-wrong={!!p.wrong}
      draggable
      onDragStart={(e) => {
        e.dataTransfer?.setData(dragType, JSON.stringify({ from: field, emails: [p] }));
        e.dataTransfer?.setData("text/plain", written(p));
      }}
    >
      <button
        type="button"
        class={css.chipMain}
        data-chip
        title={reason ? `${reason} ${p.email}` : p.email}
        onDblClick={edit}
        onKeyDown={onKeyDown}
        onCopy={(e) => {
          e.preventDefault();
          e.clipboardData?.setData("text/plain", written(p));
        }}
        translate={false}
      >
        {p.wrong ? <Icon name="warning" size={16} /> : <Avatar name={p.name} email={p.email} size={20} />}
        <bdi>{shownName(p)}</bdi>
        {reason && (
          <span class="visually-hidden" translate>
            {reason}
          </span>
        )}
      </button>
      <button
        type="button"
        class={css.chipRemove}
        tabIndex={-1}
        aria-label={t("compose.remove", { who: shownName(p) })}
        onPointerDown={(e) => e.preventDefault()} // what is written in stays so: nothing moves under the pointer
        onClick={remove}
      >
        <Icon name="close" size={14} />
      </button>
    </span>
  );
}

const quiet = 70; // milliseconds between keys

function useSuggestions(text: string, chosen: readonly Person[]) {
  const { contacts } = useMail();
  const [found, setFound] = useState<readonly Contact[]>([]);
  const [active, setActive] = useState(-1);
  useEffect(() => {
    const asked = text.trim();
    let here = true;
    if (!asked || asked.length > 100) {
      setFound([]);
      return undefined;
    }
    const timer = setTimeout(() => {
      contacts.complete(asked, 8).then(
        (list) => {
          if (!here) return;
          setFound(list);
          setActive(-1);
        },
        () => here && setFound([]), // without completion one writes the address
      );
    }, quiet);
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, [text, contacts]);
  const list = useMemo(() => {
    const have = new Set(chosen.map(keyOf));
    return text.trim() ? found.filter((c) => !have.has(keyOf(c)) && !c.isBlocked) : [];
  }, [found, chosen, text]);
  return { list, active, setActive, hide: () => setFound([]) };
}
