import { t } from "../i18n";

/** Why a password was not changed, beside the field that it is about. */
export interface Refusal {
  field: "old" | "new" | "again" | "all";
  text: string;
}

/** Gives the account another password (docs/jmap-sessions.md): all other sessions end. Null when it is done. */
export async function changePassword(old: string, next: string, ask: typeof fetch = fetch): Promise<Refusal | null> {
  let answer: Response;
  try {
    answer = await ask("/session/password", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ old, new: next }),
    });
  } catch {
    // It may have been changed: whoever tries the old one again finds out.
    return { field: "all", text: t("settings.password.unanswered") };
  }
  if (answer.ok) return null;
  const { detail = "" } = (await answer.json().catch(() => ({}))) as { detail?: string };
  switch (answer.status) {
    case 403:
      return { field: "old", text: t("settings.password.wrong") };
    case 400:
      return { field: "new", text: t("settings.password.refused", { why: detail }) };
    case 429:
      return { field: "all", text: t("settings.password.wait", { n: Number(answer.headers.get("Retry-After") ?? 1) }) };
    case 401:
      return { field: "all", text: t("model.signedOut") };
    default:
      return { field: "all", text: t("model.serverUnavailable") };
  }
}
