import { useSignal } from "@preact/signals";
import { filled, Slot } from "../app/ports";
import { t } from "../i18n";
import type { Identity } from "../jmap/types";
import { useMail } from "../model";
import { ask, Button, TextField } from "../ui";
import { addresses, textOf, wrongAddresses } from "./address";
import { Loading, Section, useDraft, useSaving } from "./parts";
import css from "./settings.module.css";

export function Identities() {
  const mail = useMail();
  const { items, trouble, load } = mail.identityCollection;
  const all = items.value;
  const adding = useSignal(false);
  return (
    <>
      <p class={css.help}>{t("settings.identities.help")}</p>
      {!all && <Loading trouble={trouble.value} again={() => void load()} />}
      {all?.map((i) => (
        <One key={i.id} identity={i} />
      ))}
      {adding.value ? (
        <Add done={() => (adding.value = false)} />
      ) : (
        all && (
          <div class={css.below}>
            <Button icon="plus" onClick={() => (adding.value = true)}>
              {t("settings.identities.add")}
            </Button>
          </div>
        )
      )}
    </>
  );
}

function One({ identity: i }: { identity: Identity }) {
  const mail = useMail();
  const saving = useSaving();
  const name = useDraft(i.name);
  const replyTo = useDraft(textOf(i.replyTo));
  const bcc = useDraft(textOf(i.bcc));
  const wrong = useSignal<"replyTo" | "bcc" | null>(null);
  const update = (patch: Record<string, unknown>) => saving.save(() => mail.identityCollection.update(i.id, patch));
  const setAddresses = (field: "replyTo" | "bcc", text: string) => {
    wrong.value = wrongAddresses(text) ? field : null;
    if (!wrong.value) void update({ [field]: addresses(text) });
  };
  const remove = async () => {
    const yes = await ask({
      title: t("settings.identities.ask", { address: i.email }),
      confirm: t("settings.identities.remove"),
      danger: true,
    });
    if (yes) await saving.save(() => mail.identityCollection.destroy(i.id));
  };
  return (
    <Section title={i.email} user saving={saving}>
      <TextField
        label={t("settings.identities.name")}
        value={name.value}
        autocomplete="name"
        onInput={(v) => (name.value = v)}
        onCommit={(v) => void update({ name: v.trim() })}
      />
      <Signature identity={i} update={update} />
      <div class={css.fields}>
        <TextField
          label={t("settings.identities.replyTo")}
          help={t("settings.identities.replyToHelp")}
          error={wrong.value === "replyTo" ? t("settings.identities.wrongAddress") : null}
          value={replyTo.value}
          dir="ltr"
          onInput={(v) => (replyTo.value = v)}
          onCommit={(v) => setAddresses("replyTo", v)}
        />
        <TextField
          label={t("settings.identities.bcc")}
          help={t("settings.identities.bccHelp")}
          error={wrong.value === "bcc" ? t("settings.identities.wrongAddress") : null}
          value={bcc.value}
          dir="ltr"
          onInput={(v) => (bcc.value = v)}
          onCommit={(v) => setAddresses("bcc", v)}
        />
      </div>
      {i.mayDelete && (
        <Button icon="trash" onClick={() => void remove()}>
          {t("settings.identities.remove")}
        </Button>
      )}
    </Section>
  );
}

/** The signature, in the composer's editor: it is loaded when somebody wants to change it. The text of it goes with plain mail. */
function Signature({
  identity: i,
  update,
}: {
  identity: Identity;
  update: (patch: Record<string, unknown>) => Promise<boolean>;
}) {
  const editing = useSignal(false);
  const html = useSignal(i.htmlSignature || paragraphs(i.textSignature));
  const save = async () => {
    const empty = plainText(html.value) === "" && !html.value.includes("<img");
    const saved = await update({ htmlSignature: empty ? "" : html.value, textSignature: plainText(html.value) });
    if (saved) editing.value = false;
  };
  return (
    <div class={css.signature}>
      <span class={css.label}>{t("settings.identities.signature")}</span>
      {editing.value ? (
        <>
          {filled("Editor") ? (
            <div class={css.editor}>
              <Slot
                name="Editor"
                html={html.value}
                label={t("settings.identities.signature")}
                onChange={(v) => (html.value = v)}
              />
            </div>
          ) : (
            <TextField
              label={t("settings.identities.signature")}
              rows={4}
              dir="auto"
              value={plainText(html.value)}
              onInput={(v) => (html.value = paragraphs(v))}
            />
          )}
          <div class={css.actions}>
            <Button kind="primary" onClick={() => void save()}>
              {t("settings.save")}
            </Button>
            <Button
              onClick={() => {
                html.value = i.htmlSignature || paragraphs(i.textSignature);
                editing.value = false;
              }}
            >
              {t("ui.cancel")}
            </Button>
          </div>
        </>
      ) : (
        <>
          {i.textSignature ? (
            <pre class={css.signatureText} translate={false} dir="auto">
              {i.textSignature}
            </pre>
          ) : (
            <p class={css.muted}>{t("settings.identities.noSignature")}</p>
          )}
          <Button icon="pen" onClick={() => (editing.value = true)}>
            {t("settings.identities.editSignature")}
          </Button>
        </>
      )}
    </div>
  );
}

function paragraphs(text: string): string {
  if (!text) return "";
  const p = document.createElement("p");
  return text
    .split("\n")
    .map((line) => {
      p.textContent = line;
      return p.outerHTML;
    })
    .join("");
}

/** The words of HTML, line by line. It is parsed in a document of its own, where nothing is loaded or run. */
function plainText(html: string): string {
  const doc = new DOMParser().parseFromString(html, "text/html");
  for (const br of doc.querySelectorAll("br")) br.replaceWith("\n");
  for (const block of doc.querySelectorAll("p, div, li, h1, h2, h3, blockquote")) block.append("\n");
  return (doc.body.textContent ?? "").replace(/[ \t]+\n/g, "\n").trim();
}

function Add({ done }: { done: () => void }) {
  const mail = useMail();
  const saving = useSaving();
  const name = useSignal("");
  const email = useSignal("");
  const submit = async (e: Event) => {
    e.preventDefault();
    const made = await saving.save(() =>
      mail.identityCollection.create({ name: name.value.trim(), email: email.value.trim() }),
    );
    if (made) done();
  };
  return (
    <Section title={t("settings.identities.new")} saving={saving}>
      <form onSubmit={submit}>
        <div class={css.fields}>
          <TextField
            label={t("settings.identities.address")}
            type="email"
            dir="ltr"
            required
            autofocus
            value={email.value}
            onInput={(v) => (email.value = v)}
          />
          <TextField label={t("settings.identities.name")} value={name.value} onInput={(v) => (name.value = v)} />
        </div>
        <div class={css.actions}>
          <Button kind="primary" type="submit">
            {t("settings.add")}
          </Button>
          <Button onClick={done}>{t("ui.cancel")}</Button>
        </div>
      </form>
    </Section>
  );
}
