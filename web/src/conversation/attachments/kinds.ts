// What an attachment is, by its type and name, as far as it matters for how it is shown. Both are what a stranger wrote: nothing is run by them.
import type { EmailBodyPart } from "../../jmap";
import type { IconName } from "../../ui";

export type Preview = "image" | "pdf" | "text" | "audio" | "video" | "none";

const extensionOf = (name: string | null) => /\.([a-z0-9]{1,8})$/i.exec(name ?? "")?.[1]?.toLowerCase() ?? "";

/** Rather by the type; by the name where the type says nothing. */
const types: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  pdf: "application/pdf",
  txt: "text/plain",
  md: "text/plain",
  csv: "text/plain",
  log: "text/plain",
};

export function typeOf(p: EmailBodyPart): string {
  const type = p.type.toLowerCase();
  return type === "application/octet-stream" ? (types[extensionOf(p.name)] ?? type) : type;
}

/** What can be looked at here: pictures of pixels (SVG is a document), texts as text, and PDF by the browser's own viewer. */
export function previewOf(p: EmailBodyPart): Preview {
  const type = typeOf(p);
  if (/^image\/(?:png|jpe?g|gif|webp|avif|bmp)$/.test(type)) return "image";
  if (type === "application/pdf") return "pdf";
  if (/^text\/(?:plain|csv|markdown|x-[\w-]+|calendar|html|css|xml)$|^application\/(?:json|xml)$/.test(type))
    return "text";
  if (/^audio\/(?:mpeg|mp4|ogg|wav|webm|aac|flac)$/.test(type)) return "audio";
  if (/^video\/(?:mp4|webm|ogg)$/.test(type)) return "video";
  return "none";
}

export function iconOf(p: EmailBodyPart): IconName {
  const type = typeOf(p);
  if (type.startsWith("image/")) return "image";
  if (type === "text/calendar") return "calendar";
  if (type.startsWith("text/") || type === "application/pdf" || /document|word|opendocument/.test(type)) return "draft";
  if (type === "message/rfc822") return "mail";
  return "file";
}

/** What a system runs when it is opened. */
export function isProgram(p: EmailBodyPart): boolean {
  const risky =
    "exe com bat cmd scr pif msi msp vbs vbe js jse wsf wsh hta jar ps1 lnk reg iso img dll apk app dmg pkg deb rpm sh html htm xhtml svg xlsm docm pptm chm";
  return (
    risky.split(" ").includes(extensionOf(p.name)) ||
    /x-msdownload|x-sh$|javascript|x-executable|text\/html|svg/.test(p.type.toLowerCase())
  );
}

/** A name that shows what it is: signs that turn the direction of writing round ("gpj.exe") are no part of a name. */
export function nameOf(p: EmailBodyPart, unnamed: string): string {
  return (p.name ?? "").replace(/[\p{Cc}\p{Bidi_Control}]/gu, "").trim() || unnamed;
}
