import { useComputed, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { href, route } from "../app/route";
import { t } from "../i18n";
import { type Mail, say, useMail } from "../model";
import { preferences } from "../preferences";
import { Button, Icon } from "../ui";
import { Control } from "./control";
import { Empty } from "./empty";
import { Head } from "./head";
import { gridKey, useListKeys } from "./keys";
import css from "./list.module.css";
import { offered } from "./offered";
import { usePointer } from "./pointer";
import { Skeleton } from "./row";
import { Rows } from "./rows";
import { shownBy } from "./spec";
import { heightOf, View } from "./view";

/** The list that the route shows. */
export function MessageList() {
  const mail = useMail();
  // A search leaves out mailboxes that have to be known first.
  if (!mail.ready.value) return <Waiting />;
  const shown = shownBy(route.value, mail);
  if (!shown) return <Gone />;
  return <Open key={JSON.stringify(shown.spec)} mail={mail} shown={shown} />;
}

type Shown = NonNullable<ReturnType<typeof shownBy>>;

function useControl(mail: Mail, shown: Shown): Control {
  // The list is what it is for as long as it is shown: its key is its spec.
  const control = useMemo(() => new Control(mail, mail.list(shown.spec), shown, new View()), []);
  useEffect(() => {
    offered.value = control.list;
    return () => control.list.close();
  }, []);
  useSignalEffect(() => {
    control.list.version.value;
    control.follow();
  });
  useSignalEffect(() => {
    control.list.version.value;
    control.opened(route.value.thread);
  });
  return control;
}

function Open({ mail, shown }: { mail: Mail; shown: Shown }) {
  const control = useControl(mail, shown);
  const { list, selection } = control;
  useListKeys(control);
  const total = list.total.value;
  const trouble = list.trouble.value;
  return (
    <div class={css.list} data-selecting={selection.size > 0 || selection.everything.value}>
      <Head control={control} shown={shown} />
      {trouble && (
        <div class={css.trouble} role="alert">
          <Icon name="warning" size={18} />
          <span>{say(trouble)}</span>
          <Button kind="quiet" onClick={() => void mail.refresh()}>
            {t("list.again")}
          </Button>
        </div>
      )}
      {total === 0 ? <Empty shown={shown} /> : <Grid control={control} total={total} />}
    </div>
  );
}

/** How many rows have come above what is in sight. */
function useAnchor({ list, view }: Control, rowHeight: number, total: number): number {
  const anchor = useRef<{ id: string; at: number } | null>(null);
  const [above, setAbove] = useState(0);
  const version = list.version.value;
  const scrolledDown = view.scrolledDown.value;
  useMemo(() => {
    const was = anchor.current;
    const now = was ? list.indexOf(was.id) : -1;
    const moved = was && now >= 0 && scrolledDown ? now - was.at : 0;
    view.set(total, rowHeight, moved);
    if (moved > 0) queueMicrotask(() => setAbove((n) => n + moved));
  }, [version, total, rowHeight]);
  useLayoutEffect(() => view.settle());
  const first = view.firstInSight;
  useEffect(() => {
    const row = list.at(first);
    anchor.current = row === "loading" ? null : { id: row.emailId, at: first };
  }, [version, first, view.range.value]);
  useEffect(() => {
    if (!scrolledDown) setAbove(0);
  }, [scrolledDown]);
  return above;
}

function Grid({ control, total }: { control: Control; total: number | undefined }) {
  const { view } = control;
  const grid = useRef<HTMLDivElement>(null);
  const dense = preferences.density.value === "compact";
  const kind = view.wide.value ? "line" : "stack";
  const above = useAnchor(control, heightOf({ kind, dense }), total ?? 20);
  useEffect(() => view.attach(grid.current!), []);
  const pointer = usePointer(control, grid);
  const active = useComputed(() => {
    control.list.version.value;
    const row = control.row(control.cursor.value);
    return row ? `row-${row.threadId}` : undefined;
  });
  return (
    <div class={css.frame}>
      {above > 0 && (
        <button type="button" class={css.pill} onClick={() => view.toTop()}>
          <Icon name="arrowUp" size={16} />
          {t("list.newAbove", { n: above })}
        </button>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: rows that are laid out by themselves are no table */}
      <div
        ref={grid}
        class={css.scroll}
        role="grid"
        aria-label={t("list.messages")}
        aria-rowcount={total ?? -1}
        aria-multiselectable="true"
        aria-busy={total === undefined}
        aria-activedescendant={active.value}
        tabIndex={0}
        data-layout={kind}
        data-dense={dense}
        data-keyboard={control.keyboard.value}
        onKeyDown={(e) => gridKey(control, e) && e.preventDefault()}
        onFocus={(e) => e.target === e.currentTarget && control.cursor.peek() < 0 && control.moveTo(view.firstInSight)}
        {...pointer}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        <div class={css.rows} role="rowgroup" style={{ blockSize: `${view.height}px` }}>
          <Rows control={control} total={total} stack={kind === "stack"} dense={dense} />
        </div>
      </div>
    </div>
  );
}

function Waiting() {
  const dense = preferences.density.value === "compact";
  const height = heightOf({ kind: "stack", dense });
  return (
    <div class={css.list} aria-busy="true">
      <div class={css.head} />
      <div class={css.frame}>
        <div class={css.waiting} data-layout="stack" data-dense={dense}>
          {Array.from({ length: 12 }, (_, i) => (
            <Skeleton key={i} top={i * height} />
          ))}
        </div>
      </div>
    </div>
  );
}

function Gone() {
  return (
    <div class={css.list}>
      <div class={css.empty}>
        <Icon name="folder" size={40} />
        <h2>{t("list.noMailbox")}</h2>
        <a href={href({})}>{t("list.toInbox")}</a>
      </div>
    </div>
  );
}
