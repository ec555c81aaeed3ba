// The header fields of an email, as they came: asked for when somebody wants to see them.
import type { Email, EmailHeader, GetResponse } from "../../jmap";
import type { Mail } from "../../model";

const most = 500;

export async function headersOf(mail: Mail, email: Email): Promise<readonly EmailHeader[]> {
  const answer = await mail.connection.call<GetResponse<Email>>("Email/get", {
    accountId: mail.accountId,
    ids: [email.id],
    properties: ["headers"],
  });
  return (answer.list[0]?.headers ?? [])
    .slice(0, most)
    .map((h) => ({ name: h.name, value: h.value.replace(/\r?\n[ \t]+/g, " ").trim() }));
}
