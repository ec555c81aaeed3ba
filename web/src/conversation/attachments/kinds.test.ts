import { describe, expect, test } from "vitest";
import type { EmailBodyPart } from "../../jmap";
import { isProgram, nameOf, previewOf } from "./kinds";

const part = (type: string, name: string | null = null): EmailBodyPart => ({
  partId: "1",
  blobId: "B",
  size: 1,
  name,
  type,
  charset: null,
  disposition: null,
  cid: null,
});

describe("attachments", () => {
  test.each([
    ["image/png", "a.png", "image"],
    ["image/svg+xml", "a.svg", "none"],
    ["text/html", "a.html", "text"],
    ["application/octet-stream", "scan.PDF", "pdf"],
    ["application/octet-stream", "a.html", "none"],
    ["application/x-msdownload", "a.png", "none"],
    ["IMAGE/JPEG", null, "image"],
  ])("%s %s is shown as %s", (type, name, as) => expect(previewOf(part(type, name))).toBe(as));

  test("programs are known by their names", () => {
    expect(isProgram(part("application/pdf", "invoice.pdf.exe"))).toBe(true);
    expect(isProgram(part("application/pdf", "invoice.pdf"))).toBe(false);
  });

  test("names do not run backwards", () => {
    expect(nameOf(part("x/y", "photo\u202egpj.exe"), "-")).toBe("photogpj.exe");
    expect(nameOf(part("x/y", "\u202e"), "-")).toBe("-");
  });
});
