import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { locale, t } from "../i18n";
import { soon } from "../i18n/format";
import { useMail } from "../model";
import { Button, Dialog, Menu, type MenuItem, TextField } from "../ui";
import { doWith } from "./bulk";
import { type Choice, choice, chosen, type Place } from "./choice";
import css from "./choices.module.css";
import { LabelPicker, MailboxPicker, NameDialog, nameDialog } from "./picker";
import { localValue, times, week } from "./times";

/** What is being chosen: a time, a mailbox, labels, or from a menu. It is shown above everything. */
export function Choices() {
  const now = choice.value;
  return (
    <>
      {now && <Chooser key={JSON.stringify([now.kind, now.at])} choice={now} />}
      {nameDialog.value && <NameDialog {...nameDialog.value} />}
    </>
  );
}

function Chooser({ choice: c }: { choice: Choice }) {
  const mail = useMail();
  switch (c.kind) {
    case "menu":
      return <Menu items={c.items} at={c.at} label={c.label} close={chosen} />;
    case "snooze":
      return <Snooze choice={c} />;
    case "label":
      return (
        <Popover at={c.at} label={t("list.labels")}>
          <LabelPicker emailIds={c.emailIds} />
        </Popover>
      );
    case "mailbox":
      return (
        <Popover at={c.at} label={c.title}>
          <MailboxPicker except={c.except} top={t("list.topLevel")} take={c.take} />
        </Popover>
      );
    case "move": {
      const take = (id: string) => {
        c.done?.();
        void doWith(mail, c.emailIds, (a, ids) => a.move(ids, id, c.from));
      };
      return (
        <Popover at={c.at} label={t("list.moveTo")}>
          <MailboxPicker except={new Set(c.from ? [c.from] : [])} take={take} />
        </Popover>
      );
    }
  }
}

function Snooze({ choice: c }: { choice: Choice & { kind: "snooze" | "move" } }) {
  const mail = useMail();
  const [asking, setAsking] = useState(false);
  const stays = useRef(false);
  const until = (at: Date) => {
    c.done?.();
    chosen();
    void doWith(mail, c.emailIds, (a, ids) => a.snooze(ids, at));
  };
  if (asking) return <Exactly until={until} />;
  const { weekend, monday } = week(locale.value);
  const items: MenuItem[] = times(new Date(), weekend, monday).map(({ key, at }) => ({
    id: key,
    text: t(key),
    hint: soon(at),
    icon: "clock",
    do: () => until(at),
  }));
  items.push({
    id: "exactly",
    text: t("list.pickTime"),
    icon: "calendar",
    divider: true,
    do: () => {
      stays.current = true;
      setAsking(true);
    },
  });
  const snoozed = mail.mailboxByRole("snoozed")?.id;
  if (snoozed && c.emailIds.some((id) => mail.email(id).value?.mailboxIds?.[snoozed]))
    items.push({
      id: "wake",
      text: t("list.wake"),
      icon: "undo",
      do: () => void doWith(mail, c.emailIds, (a, ids) => a.wake(ids)),
    });
  // The menu says that it is closed before it does something: what is asked for next stays.
  const leave = () => {
    if (choice.peek() === c && !stays.current) chosen();
  };
  return <Menu items={items} at={c.at} label={t("list.snooze")} close={() => setTimeout(leave)} />;
}

function Exactly({ until }: { until: (at: Date) => void }) {
  const tomorrow = new Date();
  tomorrow.setDate(tomorrow.getDate() + 1);
  tomorrow.setHours(8, 0, 0, 0);
  const [value, setValue] = useState(localValue(tomorrow));
  const at = new Date(value);
  const wrong = !(at.getTime() > Date.now());
  const foot = (
    <>
      <Button onClick={chosen}>{t("ui.cancel")}</Button>
      <Button kind="primary" disabled={wrong} onClick={() => until(at)}>
        {t("list.snooze")}
      </Button>
    </>
  );
  return (
    <Dialog title={t("list.pickTime")} close={chosen} foot={foot}>
      <TextField
        type="datetime-local"
        label={t("list.until")}
        value={value}
        onInput={setValue}
        error={wrong ? t("list.pastTime") : null}
        autofocus
      />
    </Dialog>
  );
}

/** Something that opens at a place of the window, or on a phone from below. */
function Popover({ at, label, children }: { at: Place; label: string; children: ComponentChildren }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const box = element.current!;
    const before = document.activeElement as HTMLElement | null;
    const start = document.dir === "rtl" ? at.x - box.offsetWidth : at.x;
    box.style.left = `${Math.max(8, Math.min(start, innerWidth - box.offsetWidth - 8))}px`;
    box.style.top = `${Math.max(8, Math.min(at.y, innerHeight - box.offsetHeight - 8))}px`;
    box.querySelector("input")?.focus();
    const outside = (e: Event) => {
      if (!box.contains(e.target as Node)) chosen();
    };
    document.addEventListener("pointerdown", outside, true);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      before?.focus();
    };
  }, []);
  return (
    <div
      ref={element}
      class={css.popover}
      role="dialog"
      aria-label={label}
      onKeyDown={(e) => {
        if (e.key !== "Escape") return;
        e.stopPropagation();
        chosen();
      }}
    >
      {children}
    </div>
  );
}
