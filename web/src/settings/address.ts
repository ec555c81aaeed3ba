import type { EmailAddress } from "../jmap/types";

// What people write who are asked for addresses: "ann@example.org, Bob <bob@example.org>".
const one = /^(?:(.*?)\s*<\s*([^\s<>]+@[^\s<>]+)\s*>|([^\s<>]+@[^\s<>]+))$/u;

const split = (text: string) =>
  text
    .split(/[,;\n]/)
    .map((s) => s.trim())
    .filter(Boolean);

export function wrongAddresses(text: string): boolean {
  return !split(text).every((s) => one.test(s));
}

/** The addresses of a line, null where there is none, as JMAP has it (RFC 8621 6). */
export function addresses(text: string): EmailAddress[] | null {
  const all = split(text).flatMap((s) => {
    const found = one.exec(s);
    return found ? [{ name: found[1]?.replace(/^"|"$/g, "") || null, email: (found[2] ?? found[3])! }] : [];
  });
  return all.length > 0 ? all : null;
}

export function textOf(list: readonly EmailAddress[] | null): string {
  return (list ?? []).map((a) => (a.name ? `${a.name} <${a.email}>` : a.email)).join(", ");
}
