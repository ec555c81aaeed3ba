import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ComposeLayer, fromParameters } from "../compose";
import { t } from "../i18n";
import { Choices, FolderPane, MessageList } from "../list";
import { ConnectionNotice, start as startLive } from "../live";
import { useMail } from "../model";
import { preferences } from "../preferences";
import { isDark } from "../preferences/appearance";
import { SearchBox } from "../search";
import { Avatar, Button, below, Icon, IconButton, later, Menu, undoLast, useShortcuts } from "../ui";
import css from "./app.module.css";
import { Boundary } from "./boundary";
import { Help, helpShown } from "./help";
import { act } from "./ports";
import { go, href, listRoute, route } from "./route";
import { leave } from "./session";

const ConversationView = later(() => import("../conversation").then((m) => m.ConversationView));
const Settings = later(() => import("../settings").then((m) => m.Settings));

/** Whether the pane of folders is where it is not by itself: over the list where there is little room, away where there is much. */
const folders = signal(false);

/** The layout of who is signed in: folders, a list, a conversation; one at a time on a phone. */
export function Shell() {
  const r = route.value;
  const settings = r.view === "settings";
  useEverywhere();
  const mail = useMail();
  useEffect(() => startLive(mail), [mail]);
  useEffect(() => {
    if (innerWidth < 1180) folders.value = false;
  }, [r]);
  useEffect(() => {
    if (!r.compose) return;
    act("compose")(fromParameters(r.compose));
    go(r, "replace");
  }, [r]);
  return (
    <div
      class={css.shell}
      data-open={r.thread || settings ? "conversation" : "list"}
      data-folders={folders.value}
      data-pane={preferences.readingPane.value}
    >
      <a class={css.skip} href="#list">
        {t("app.skip")}
      </a>
      <Bar />
      <nav class={css.folders} aria-label={t("app.folders")} onKeyDown={(e) => e.key === "Escape" && close()}>
        <Compose class={css.compose!} />
        <Boundary>
          <FolderPane />
        </Boundary>
      </nav>
      <button type="button" class={css.veil} aria-label={t("app.back")} tabIndex={-1} onClick={close} />
      {settings ? (
        <main class={`${css.reading} ${css.settings}`} id="list" tabIndex={-1}>
          <Boundary>
            <Settings page={r.page} />
          </Boundary>
        </main>
      ) : (
        <Mail />
      )}
      {!settings && <Compose class={css.fab!} />}
      <Boundary>
        <ComposeLayer />
      </Boundary>
      <Boundary>
        <Choices />
      </Boundary>
      <Help />
    </div>
  );
}

const close = () => {
  folders.value = false;
};

function Mail() {
  const r = route.value;
  useEffect(() => whenPainted(prepare), []);
  return (
    <>
      <main class={css.list} id="list" aria-label={t("app.messages")} tabIndex={-1}>
        <Boundary>
          <MessageList key={href(listRoute(r))} />
        </Boundary>
      </main>
      <section class={css.reading} aria-label={t("app.conversation")}>
        <Boundary key={r.thread ?? ""}>{r.thread ? <ConversationView threadId={r.thread} /> : <Nothing />}</Boundary>
      </section>
    </>
  );
}

/** Has what shows a conversation ready before one is opened: the list is seen sooner without it. */
async function prepare() {
  try {
    await ConversationView.fetch();
    (await import("../conversation")).prepareFrames();
  } catch {
    // Without a connection: it is fetched again when a conversation is opened.
  }
}

/** Does something once the page has been painted and nothing else is to be done. */
function whenPainted(act: () => void) {
  requestAnimationFrame(() => setTimeout(() => (globalThis.requestIdleCallback ?? setTimeout)(act)));
}

function Nothing() {
  return (
    <div class={css.none}>
      <Icon name="mailOpen" size={40} />
      <h2>{t("app.none")}</h2>
      <p>{t("app.noneHelp")}</p>
    </div>
  );
}

function Compose({ class: name }: { class: string }) {
  return (
    <Button kind="primary" icon="pen" class={name} onClick={() => act("compose")({ kind: "new" })}>
      {t("app.compose")}
    </Button>
  );
}

function Bar() {
  return (
    <header class={css.bar}>
      <div class={css.brand}>
        <IconButton
          icon="menu"
          label={t("app.menu")}
          aria-expanded={folders.value === innerWidth < 1180}
          onClick={() => {
            folders.value = !folders.value;
          }}
        />
        <a href={href({})} translate={false} aria-label={t("app.name")}>
          <img src="/icons/mailmesh.svg" alt="" width="28" height="28" />
          <span>{t("app.name")}</span>
        </a>
      </div>
      <SearchBox />
      <div class={css.tools}>
        <ConnectionNotice />
        <IconButton
          class={css.wideOnly!}
          icon={isDark.value ? "sun" : "moon"}
          label={t("app.theme")}
          onClick={() => {
            preferences.theme.set(isDark.value ? "light" : "dark");
          }}
        />
        <IconButton
          class={css.wideOnly!}
          icon="cog"
          label={t("app.settings")}
          onClick={() => go({ view: "settings" })}
        />
        <Account />
      </div>
    </header>
  );
}

function Account() {
  const mail = useMail();
  const [at, setAt] = useState<{ x: number; y: number } | null>(null);
  const name = mail.identities.value.find((i) => i.email === mail.login)?.name ?? "";
  return (
    <>
      <button
        type="button"
        class={css.account}
        aria-label={t("app.account")}
        aria-haspopup="menu"
        title={mail.login}
        translate={false}
        onClick={(e) => setAt(below(e.currentTarget))}
      >
        <Avatar name={name} email={mail.login} />
      </button>
      {at && (
        <Menu
          label={t("app.account")}
          at={at}
          close={() => setAt(null)}
          items={[
            {
              id: "who",
              text: mail.login,
              icon: "person",
              user: true,
              do: () => go({ view: "settings", page: "account" }),
            },
            { id: "settings", text: t("app.settings"), icon: "cog", divider: true, do: () => go({ view: "settings" }) },
            { id: "help", text: t("app.shortcuts"), icon: "keyboard", hint: "?", do: showHelp },
            { id: "out", text: t("app.signOut"), icon: "lock", divider: true, do: () => void leave() },
          ]}
        />
      )}
    </>
  );
}

const showHelp = () => {
  helpShown.value = true;
};

function useEverywhere() {
  const box = (name: string) => () => go({ box: name });
  useShortcuts("app.everywhere", [
    { keys: "c", text: "app.compose", do: () => act("compose")({ kind: "new" }) },
    { keys: "z", text: "app.undo", do: () => void undoLast() },
    { keys: "?", text: "app.help", do: showHelp },
    { keys: "g i", text: "app.goInbox", do: box("inbox") },
    { keys: "g s", text: "app.goStarred", do: () => go({ view: "search", query: "is:starred" }) },
    { keys: "g t", text: "app.goSent", do: box("sent") },
    { keys: "g d", text: "app.goDrafts", do: box("drafts") },
    { keys: "g a", text: "app.goAll", do: box("archive") },
    { keys: "g p", text: "app.goPriority", do: () => go({ view: "priority" }) },
    { keys: "g ,", text: "app.goSettings", do: () => go({ view: "settings" }) },
  ]);
}
