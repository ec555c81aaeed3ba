// Who is signed in, and their mail.
import { signal } from "@preact/signals";
import { t } from "../i18n";
import { isTransient, SignedOutError } from "../jmap";
import { type Mail, openMail } from "../model";
import { signOut } from "../signin/session";
import { toast } from "../ui";
import { forgetAll, leaving } from "./ports";

/** "away": the server does not answer, and nothing can be shown yet. */
export type Phase = "starting" | "out" | "in" | "away";

export const phase = signal<Phase>("starting");
export const mail = signal<Mail | null>(null);
/** Why the mail cannot be opened, where trying again is of no use. */
export const broken = signal<unknown>(null);

const againAfter = 3000; // milliseconds

/** Opens the mail of who has the session that the browser's cookie names. */
export async function enter(): Promise<void> {
  try {
    const opened = await openMail();
    belongsTo(opened.accountId);
    mail.value = opened;
    phase.value = "in";
  } catch (error) {
    if (error instanceof SignedOutError) phase.value = "out";
    else if (isTransient(error)) {
      phase.value = "away";
      setTimeout(enter, againAfter);
    } else broken.value = error;
  }
}

const owner = "mailmesh.owner";

/** A session may end without anybody signing out: then what was noted here goes when somebody else signs in. */
function belongsTo(accountId: string): void {
  try {
    const before = localStorage.getItem(owner);
    if (before !== null && before !== accountId) forgetAll();
    localStorage.setItem(owner, accountId);
  } catch {
    // Without storage nothing was noted.
  }
}

/** Signs out. The page is loaded anew, so that nothing of the mail stays in its memory. */
export async function leave(): Promise<void> {
  await leaving();
  if (!(await signOut())) {
    toast({ text: t("app.notSignedOut"), kind: "error" });
    return;
  }
  mail.value?.close();
  forgetAll();
  location.assign("/");
}
