import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { Account } from "../../test/browser/harness/index.ts";

const people = ["Mara Lindqvist", "Tomasz Zielinski", "Priya Raman", "Edward Okafor", "Ingrid Solheim", "Kenji Tanaka", "Sofia Marin", "Layla Haddad"];
const subjects = ["Ferry timetable, draft", "Lunch on", "Readings up to", "Pictures from", "Order", "Build", "Planning for", "Notes of"];
const batch = 200;

/** Fills the inbox by APPEND of many messages at a time (RFC 3502), a minute apart: n messages, of which every fourth answers another. */
export async function fill(port: number, account: Account, n: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const answer = async (tag: string) => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done || /^(\S+ (NO|BAD) |\* BYE)/.test(value)) throw new Error(`IMAP: ${value}`);
      if (value.startsWith(tag)) return;
    }
  };
  await answer("* OK");
  socket.write(`a LOGIN ${account.address} "${account.password}"\r\n`);
  await answer("a OK");
  const now = Date.now();
  for (let i = 0; i < n; i += batch) {
    const parts: string[] = ["b APPEND INBOX"];
    for (let k = i; k < Math.min(n, i + batch); k++) {
      const at = new Date(now - (n - k) * 60_000);
      const text = message(k, account.address, at);
      parts.push(` ${k % 3 ? "(\\Seen) " : ""}"${internalDate(at)}" {${text.length}+}\r\n${text}`);
    }
    socket.write(`${parts.join("")}\r\n`);
    await answer("b OK");
  }
  socket.end("c LOGOUT\r\n");
}

function message(i: number, to: string, at: Date): string {
  const who = people[i % people.length]!;
  const answers = i % 4 === 3;
  const subject = `${answers ? "Re: " : ""}${subjects[i % 7]} ${answers ? i - 1 : i}`;
  return [
    `From: ${who} <${who.toLowerCase().replace(" ", ".")}@example.net>`,
    `To: ${to}`,
    `Subject: ${subject}`,
    `Date: ${at.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <speed-${i}@example.net>`,
    ...(answers ? [`In-Reply-To: <speed-${i - 1}@example.net>`] : []),
    "Content-Type: text/plain; charset=utf-8",
    "",
    `Message ${i}. The first boat leaves twenty minutes earlier on weekdays, and the last one waits for the late train.`,
    "",
    "Until then",
    who,
    "",
  ].join("\r\n");
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function internalDate(at: Date): string {
  const two = (x: number) => String(x).padStart(2, "0");
  return `${two(at.getUTCDate())}-${months[at.getUTCMonth()]}-${at.getUTCFullYear()} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}
