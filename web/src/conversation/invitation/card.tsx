import { useEffect, useState } from "preact/hooks";
import { act } from "../../app/ports";
import { t } from "../../i18n";
import { locale } from "../../i18n/index";
import type { Email, EmailBodyPart } from "../../jmap";
import { type Mail, say, troubleOf, useMail } from "../../model";
import { shownName } from "../../safe";
import { Button, Icon, toast } from "../../ui";
import { mine } from "../people";
import { type Answer, type CalendarEvent, type Person, readEvent } from "./event";
import { maxSize } from "./ical";
import css from "./invitation.module.css";
import { recurrence } from "./recurrence";
import { reply, same } from "./reply";
import type { Moment } from "./zone";

const firstShown = 8;

/** The keyword on a message that says how its invitation was answered. */
const keywords = { ACCEPTED: "$accepted", TENTATIVE: "$tentative", DECLINED: "$declined" } as const;

/** What a message invites to, with the answers to it. */
export function Invitation({ email, part }: { email: Email; part: EmailBodyPart }) {
  const mail = useMail();
  const [event, setEvent] = useState<CalendarEvent>();
  useEffect(() => {
    const ending = new AbortController();
    load(mail, part, ending.signal).then(setEvent, () => undefined); // without it there is the attachment
    return () => ending.abort();
  }, [part.blobId]);
  if (!event) return null;
  return (
    <section class={css.card} data-cancelled={event.cancelled} aria-label={t("conversation.invitation")}>
      <Day at={event.occurrence ?? event.start} />
      <div class={css.what}>
        <p class={css.kind}>{kindOf(event)}</p>
        <h3 dir="auto" translate={false}>
          {event.summary || t("conversation.noSubject")}
        </h3>
        <Facts event={event} />
        {event.method === "REQUEST" && !event.cancelled && event.organizer && (
          <Answers mail={mail} email={email} event={event} organizer={event.organizer} />
        )}
      </div>
    </section>
  );
}

async function load(mail: Mail, part: EmailBodyPart, signal: AbortSignal): Promise<CalendarEvent | undefined> {
  if (part.size > maxSize || !part.blobId) return undefined;
  const answer = await fetch(mail.connection.downloadURL(part.blobId, part.name ?? "invite.ics", "text/calendar"), {
    signal,
  });
  if (!answer.ok) return undefined;
  const bytes = await answer.arrayBuffer();
  return readEvent(new TextDecoder(charset(part.charset)).decode(bytes));
}

function charset(name: string | null): string {
  try {
    return new TextDecoder(name ?? "utf-8").encoding;
  } catch {
    return "utf-8";
  }
}

function kindOf(event: CalendarEvent): string {
  const name = event.attendees[0] ? shownName(event.attendees[0]) : "";
  if (event.cancelled) return t("conversation.cancelled");
  if (event.method === "REPLY") return t("conversation.answerOf", { name });
  if (event.method === "COUNTER") return t("conversation.proposal", { name });
  if (event.method === "REQUEST")
    return t(event.sequence > 0 ? "conversation.invitationUpdated" : "conversation.invitation");
  return t("conversation.event");
}

function Day({ at }: { at: Moment | undefined }) {
  if (!at) return <Icon name="calendar" size={32} />;
  const of = (options: Intl.DateTimeFormatOptions) => at.at.toLocaleDateString(locale.value, options);
  return (
    <time class={css.day} dateTime={at.at.toISOString()} aria-hidden="true">
      <span>{of({ month: "short" })}</span>
      <b>{of({ day: "numeric" })}</b>
      <span>{of({ weekday: "short" })}</span>
    </time>
  );
}

function Facts({ event }: { event: CalendarEvent }) {
  return (
    <dl class={css.facts}>
      {event.start && (
        <Fact label={t("conversation.when")}>
          <time dateTime={event.start.at.toISOString()}>{range(event.start, event.end)}</time>
          {event.rule && <small>{recurrence(event.rule)}</small>}
          {event.occurrence && (
            <small>{t("conversation.occurrence", { date: range(event.occurrence, undefined) })}</small>
          )}
          {event.start.floating && !event.start.allDay && <small>{t("conversation.floating")}</small>}
        </Fact>
      )}
      {event.location && (
        <Fact label={t("conversation.where")}>
          <Place text={event.location} />
        </Fact>
      )}
      {event.organizer && (
        <Fact label={t("conversation.organizer")}>
          <bdi translate={false}>{shownName(event.organizer)}</bdi>
        </Fact>
      )}
      {event.attendees.length > 0 && (
        <Fact label={t("conversation.who")}>
          <Attendees all={event.attendees} />
        </Fact>
      )}
      {event.comment && (
        <Fact label="">
          <bdi translate={false}>{event.comment}</bdi>
        </Fact>
      )}
    </dl>
  );
}

function Fact({ label, children }: { label: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Place({ text }: { text: string }) {
  const url = /^https:\/\/\S+$/.exec(text.trim())?.[0];
  if (!url) return <bdi translate={false}>{text}</bdi>;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer" translate={false}>
      {url}
    </a>
  );
}

function Attendees({ all }: { all: readonly Person[] }) {
  const [most, setMost] = useState(firstShown);
  const words: Record<string, string> = {
    ACCEPTED: t("conversation.statusAccepted"),
    DECLINED: t("conversation.statusDeclined"),
    TENTATIVE: t("conversation.statusTentative"),
  };
  return (
    <>
      <ul class={css.people}>
        {all.slice(0, most).map((p) => (
          <li key={p.email}>
            <bdi translate={false} title={p.email}>
              {shownName(p)}
            </bdi>{" "}
            <small data-status={p.status}>
              {words[p.status] ?? t("conversation.statusNone")}
              {p.optional && `, ${t("conversation.optional")}`}
            </small>
          </li>
        ))}
      </ul>
      {all.length > most && (
        <button type="button" class={css.more} onClick={() => setMost(most + 100)}>
          {t("conversation.moreAddresses", { n: all.length - most })}
        </button>
      )}
    </>
  );
}

/** From and to, in the zone of this device. The end of whole days is the day after the last one (RFC 5545 3.6.1). */
export function range(start: Moment, end: Moment | undefined): string {
  const format = new Intl.DateTimeFormat(
    locale.value,
    start.allDay
      ? { dateStyle: "full" }
      : {
          weekday: "long",
          day: "numeric",
          month: "long",
          year: "numeric",
          hour: "numeric",
          minute: "2-digit",
          timeZoneName: "short",
        },
  );
  if (!end) return format.format(start.at);
  const last = start.allDay ? new Date(end.at.getTime() - 43_200_000) : end.at;
  const text = last > start.at ? format.formatRange(start.at, last) : format.format(start.at);
  return start.allDay ? `${text}, ${t("conversation.allDay")}` : text;
}

interface AnswersProps {
  mail: Mail;
  email: Email;
  event: CalendarEvent;
  organizer: Person;
}

function Answers({ mail, email, event, organizer }: AnswersProps) {
  const [busy, setBusy] = useState(false);
  const own = mine(mail);
  if (own.has(organizer.email.toLowerCase())) return null;
  const given = (Object.keys(keywords) as Answer[]).find((a) => email.keywords?.[keywords[a]]);
  const answer = (a: Answer) => async () => {
    setBusy(true);
    try {
      await sendAnswer(mail, email, event, organizer, a);
      for (const other of Object.keys(keywords) as Answer[]) {
        if (other !== a && email.keywords?.[keywords[other]]) mail.do.keyword([email.id], keywords[other], false);
      }
      mail.do.keyword([email.id], keywords[a], true);
      toast({ text: t("conversation.answerSent", { name: shownName(organizer) }) });
    } catch (e) {
      toast({ text: t("conversation.answerFailed", { why: say(troubleOf(e)) }), kind: "error" });
    }
    setBusy(false);
  };
  const button = (a: Answer, text: string) => (
    <Button
      kind={given === a ? "primary" : "plain"}
      icon={given === a ? "check" : undefined}
      aria-pressed={given === a}
      disabled={busy}
      onClick={answer(a)}
    >
      {text}
    </Button>
  );
  return (
    <div class={css.answers} data-noprint>
      {button("ACCEPTED", t("conversation.accept"))}
      {button("TENTATIVE", t("conversation.tentative"))}
      {button("DECLINED", t("conversation.decline"))}
    </div>
  );
}

const texts = {
  ACCEPTED: { subject: "conversation.acceptedSubject", body: "conversation.acceptedBody" },
  TENTATIVE: { subject: "conversation.tentativeSubject", body: "conversation.tentativeBody" },
  DECLINED: { subject: "conversation.declinedSubject", body: "conversation.declinedBody" },
} as const;

/** RFC 6047 2.4: text/calendar with its method, and words beside it for who has no calendar. */
async function sendAnswer(
  mail: Mail,
  email: Email,
  event: CalendarEvent,
  organizer: Person,
  answer: Answer,
): Promise<void> {
  const identities = mail.identities.value;
  const invited = identities.find((i) => event.attendees.some((a) => same(a.email, i.email)));
  const me = invited ?? identities.find((i) => same(i.email, mail.login)) ?? { email: mail.login, name: "" };
  await act("send")({
    to: [{ name: organizer.name || null, email: organizer.email }],
    subject: t(texts[answer].subject, { subject: event.summary || t("conversation.noSubject") }),
    answers: email.id,
    bodyStructure: {
      type: "multipart/alternative",
      subParts: [
        { partId: "text", type: "text/plain" },
        { partId: "calendar", "header:Content-Type": "text/calendar; charset=utf-8; method=REPLY; component=VEVENT" },
      ],
    },
    bodyValues: {
      text: { value: t(texts[answer].body, { name: me.name || me.email }) },
      calendar: { value: reply(event, me, answer) },
    },
  });
}
