import { useSignal } from "@preact/signals";
import type { ComponentChild } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { href, listRoute, route } from "../app/route";
import type { Id, SearchSnippet } from "../jmap/types";
import type { Row } from "../model";
import type { Control } from "./control";
import { nameOf } from "./names";
import { Recycling } from "./recycling";
import { RowView, Skeleton } from "./row";

interface Props {
  control: Control;
  total: number | undefined;
  stack: boolean;
  dense: boolean;
}

/** The rows in sight, and some around them. */
export function Rows({ control, total, stack, dense }: Props) {
  const { list, view, selection, shown } = control;
  const { from, to } = view.range.value;
  list.version.value;
  const recycling = useMemo(() => new Recycling(), []);
  useEffect(() => list.window(from, to), [from, to]);
  const own = useOwn(control);
  const labelsOf = useLabels(control);
  const found = useSnippets(control, from, to);
  const here = listRoute(route.value);
  const thread = route.value.thread;
  const role = shown.mailbox?.role;
  const outgoing = role === "sent" || role === "drafts" || role === "scheduled";
  const places: { key: string; draw: (element: number) => ComponentChild }[] = [];
  const add = (i: number) => {
    const row = total === undefined ? "loading" : list.at(i);
    const top = view.topOf(i);
    if (row === "loading") {
      places.push({ key: `place ${i}`, draw: (e) => <Skeleton key={`s${e}`} top={top} /> });
      return;
    }
    const sent = outgoing || (!shown.mailbox && isFrom(row, own));
    places.push({
      key: row.threadId + row.emailId,
      draw: (e) => (
        <RowView
          key={e}
          row={row}
          index={i}
          top={top}
          href={href({ ...here, thread: row.threadId })}
          own={own}
          outgoing={sent}
          labels={labelsOf(row)}
          checked={selection.has(row)}
          open={row.threadId === thread}
          active={control.cursor.value === i}
          avatar={stack && !dense}
          found={found.get(row.emailId)}
        />
      ),
    });
  };
  const active = control.cursor.value;
  // The row that the keyboard is at is always there: screen readers follow it.
  if (active >= 0 && active < from) add(active);
  for (let i = from; i < to; i++) add(i);
  if (active >= to && active < (total ?? 0)) add(active);
  const elements = recycling.assign(places.map((p) => p.key));
  return <>{places.map((p, i) => p.draw(elements[i]!))}</>;
}

function useOwn({ mail }: Control): ReadonlySet<string> {
  const identities = mail.identities.value;
  return useMemo(
    () => new Set([mail.login, ...identities.map((i) => i.email)].map((a) => a.toLowerCase())),
    [identities],
  );
}

const isFrom = (row: Row, own: ReadonlySet<string>) => own.has(row.email.from?.[0]?.email.toLowerCase() ?? "");

const none: readonly string[] = [];

/** The names of the other mailboxes that a row is in; those with roles only where all mailboxes are searched. */
function useLabels({ mail, shown }: Control): (row: Row) => readonly string[] {
  const mailboxes = mail.mailboxes.value;
  return useMemo(() => {
    const kept = new Map<string, readonly string[]>();
    return (row) => {
      const key = row.mailboxIds.join(" ");
      let names = kept.get(key);
      if (!names) {
        const others = mailboxes.filter(
          (m) => row.mailboxIds.includes(m.id) && m.id !== shown.spec.mailboxId && (!m.role || !shown.mailbox),
        );
        names = others.length ? others.slice(0, 2).map(nameOf) : none;
        kept.set(key, names);
      }
      return names;
    };
  }, [mailboxes]);
}

/** What a search has found, of the rows in sight. */
function useSnippets({ mail, list, shown }: Control, from: number, to: number): ReadonlyMap<Id, SearchSnippet> {
  const found = useSignal<ReadonlyMap<Id, SearchSnippet>>(new Map());
  const asked = useRef(new Set<Id>());
  const filter = shown.query ? shown.spec.filter : undefined;
  const version = list.version.value;
  useEffect(() => {
    if (!filter) return;
    const ids: Id[] = [];
    for (let i = from; i < to; i++) {
      const row = i < (list.total.peek() ?? 0) ? list.at(i) : "loading";
      if (row !== "loading" && !asked.current.has(row.emailId)) ids.push(row.emailId);
    }
    if (!ids.length) return;
    for (const id of ids) asked.current.add(id);
    mail.snippets(filter, ids).then(
      (more) => {
        found.value = new Map([...found.peek(), ...more].slice(-1_000));
      },
      () => {}, // the preview is shown instead
    );
  }, [from, to, version]);
  return found.value;
}
