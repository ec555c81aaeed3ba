// Tells where a link of a message really goes: its host, and what about it deserves a second look before one follows it.

/** Why a link is not what it seems: its text names another host; letters that look like others (IDNA); a bare address; a name before "@". */
export type Doubt = "host" | "lookalike" | "address" | "user";

export interface Destination {
  scheme: "web" | "mail" | "phone";
  /** What is shown: for the web the host, else the address or number. */
  host: string;
  url: string;
  doubt?: Doubt;
  /** The host that the text names, when it is another. */
  named?: string;
}

/** destination looks at a link as the browser will: href is the parsed URL, text is what the reader sees. */
export function destination(href: string, text: string): Destination | undefined {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return undefined;
  }
  if (url.protocol === "mailto:") return { scheme: "mail", host: decode(url.pathname), url: url.href };
  if (url.protocol === "tel:") return { scheme: "phone", host: url.pathname, url: url.href };
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  const found: Destination = { scheme: "web", host: url.host, url: url.href };
  const named = namedHost(text);
  if (url.username || url.password) found.doubt = "user";
  else if (/^\[|^\d+\.\d+\.\d+\.\d+$/.test(url.hostname)) found.doubt = "address";
  else if (named && !sameSite(named, url.hostname)) {
    found.doubt = "host";
    found.named = named;
  } else if (/(?:^|\.)xn--/.test(url.hostname) && !namesItself(text, url.hostname)) found.doubt = "lookalike";
  return found;
}

/** namedHost is the host that a text pretends to lead to: it is a URL or a bare host name from beginning to end. */
export function namedHost(text: string): string | undefined {
  const shown = text.trim();
  if (shown.length > 2000 || /\s/.test(shown)) return undefined;
  const m =
    /^(?:https?:\/\/)?(?:[^/?#@]*@)?((?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}[\p{L}\p{N}-]*\p{L})\.?(?::\d+)?(?:[/?#].*)?$/u.exec(
      shown,
    );
  if (!m?.[1]) return undefined;
  const scheme = /^https?:/i.test(shown);
  if (shown.includes("@") && !scheme) return undefined; // an address of mail
  // "report.pdf" and "Node.js" are no hosts, unless they are written as one.
  if (
    !scheme &&
    !/^www\./i.test(shown) &&
    /\.(?:pdf|docx?|xlsx?|pptx?|txt|zip|jpe?g|png|gif|js|ts|md|html?|csv|py|rs|sh|java)$/i.test(m[1])
  )
    return undefined;
  try {
    return new URL(`https://${m[1]}`).hostname;
  } catch {
    return undefined;
  }
}

/** One host is the other, or lies below it. Below a name that many share ("github.io") that says little; the reader sees the host all the same. */
function sameSite(named: string, host: string): boolean {
  const a = named.replace(/^www\./, "");
  const b = host.replace(/^www\./, "").replace(/\.$/, "");
  return a === b || b.endsWith(`.${a}`) || a.endsWith(`.${b}`);
}

// A text that is plain ASCII shows the letters as they are.
function namesItself(text: string, host: string): boolean {
  return /^[\x20-\x7e]*$/.test(text) && text.includes(host);
}

function decode(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
}
