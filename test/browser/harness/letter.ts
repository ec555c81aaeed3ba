import { createConnection } from "node:net";
import { createInterface } from "node:readline";

export interface Attachment {
  name: string;
  type: string;
  content: Buffer | string;
  inline?: string; // its Content-ID
}

/** A message that somebody elsewhere writes. */
export interface Letter {
  from: string; // "Ada Lovelace <ada@example.net>"
  to?: string; // else the account that it is delivered to
  cc?: string;
  subject: string;
  text?: string;
  html?: string;
  attachments?: Attachment[];
  date?: Date;
  messageId?: string; // without brackets
  inReplyTo?: string;
  references?: string[];
  headers?: Record<string, string>; // further ones, as they are
}

let written = 0;

/** The message, as RFC 5322 and MIME have it. */
export function write(to: string, l: Letter): string {
  written++;
  const id = l.messageId ?? `story-${process.pid}-${written}@example.net`;
  const references = l.references ?? (l.inReplyTo ? [l.inReplyTo] : []);
  const head: [string, string | undefined][] = [
    ["From", addresses(l.from)],
    ["To", addresses(l.to ?? to)],
    ["Cc", l.cc && addresses(l.cc)],
    ["Subject", encoded(l.subject)],
    ["Date", (l.date ?? new Date()).toUTCString().replace("GMT", "+0000")],
    ["Message-ID", `<${id}>`],
    ["In-Reply-To", l.inReplyTo && `<${l.inReplyTo}>`],
    ["References", references.length ? references.map((r) => `<${r}>`).join("\r\n ") : undefined],
    ...Object.entries(l.headers ?? {}),
    ["MIME-Version", "1.0"],
  ];
  const fields = head.filter(([, value]) => value).map(([name, value]) => `${name}: ${value}\r\n`);
  return fields.join("") + body(l);
}

/** The content, from its Content-Type on. */
function body(l: Letter): string {
  const text = part("text/plain", l.text ?? "");
  const html = l.html === undefined ? undefined : part("text/html", l.html);
  const both = html === undefined ? text : l.text === undefined ? html : multipart("alternative", [text, html]);
  if (!l.attachments?.length) return both;
  const inline = l.attachments.every((a) => a.inline);
  return multipart(inline ? "related" : "mixed", [both, ...l.attachments.map(attached)]);
}

function part(type: string, text: string): string {
  const content = lines(Buffer.from(text.replace(/\r?\n/g, "\r\n")));
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${content}\r\n`;
}

function attached(a: Attachment): string {
  const name = encoded(a.name);
  const how = a.inline ? `Content-ID: <${a.inline}>\r\nContent-Disposition: inline` : "Content-Disposition: attachment";
  const content = lines(Buffer.from(a.content));
  return `Content-Type: ${a.type}; name="${name}"\r\n${how}; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${content}\r\n`;
}

function multipart(kind: string, parts: string[]): string {
  const boundary = `=_${kind}_${written}`;
  const inner = parts.map((p) => `--${boundary}\r\n${p}`).join("");
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n${inner}--${boundary}--\r\n`;
}

function lines(bytes: Buffer): string {
  return bytes.toString("base64").replace(/.{76}/g, "$&\r\n");
}

/** RFC 2047, in words short enough. */
function encoded(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const words = text.match(/.{1,12}/gsu) ?? [];
  return words.map((w) => `=?utf-8?b?${Buffer.from(w).toString("base64")}?=`).join("\r\n ");
}

function addresses(list: string): string {
  return list
    .split(",")
    .map((one) =>
      one.trim().replace(/^(.*?)\s*(<.*>)$/, (_, name: string, address: string) => `${quoted(name)} ${address}`),
    )
    .join(",\r\n ");
}

function quoted(name: string): string {
  return /[.,@()]/.test(name) && !name.startsWith('"') ? `"${name}"` : encoded(name);
}

/** Delivers messages by LMTP (RFC 2033), in their order. */
export async function sendLMTP(port: number, to: string, messages: readonly string[]): Promise<void> {
  const socket = createConnection(port, "127.0.0.1");
  try {
    const replies = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
    const expect = async (code: string) => {
      for (;;) {
        const { value, done } = await replies.next();
        if (done || !value.startsWith(code)) throw new Error(`LMTP: ${value ?? "the connection is closed"}`);
        if (value[3] === " ") return;
      }
    };
    const say = async (line: string, code: string) => {
      socket.write(`${line}\r\n`);
      await expect(code);
    };
    await expect("220");
    await say("LHLO stories.example", "250");
    for (const message of messages) {
      await say("MAIL FROM:<sender@example.net>", "250");
      await say(`RCPT TO:<${to}>`, "250");
      await say("DATA", "354");
      const whole = message.replace(/^\./gm, "..");
      await say(`${whole}${whole.endsWith("\r\n") ? "" : "\r\n"}.`, "250");
    }
    await say("QUIT", "221");
  } finally {
    socket.destroy();
  }
}
