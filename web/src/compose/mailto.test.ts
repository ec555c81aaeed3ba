import { expect, test } from "vitest";
import { fromParameters, parseMailto } from "./mailto";

test.each([
  ["mailto:chris@example.com", { to: "chris@example.com" }],
  ["mailto:?to=a@b.org&subject=Hi%20you", { to: "a@b.org", subject: "Hi you" }],
  ["mailto:a@b.org,c@d.org?to=e@f.org", { to: "a@b.org,c@d.org, e@f.org" }],
  ["mailto:a+b@c.org?subject=1+1=2", { to: "a+b@c.org", subject: "1+1=2" }],
  [
    "MAILTO:a@b.org?BODY=line%0D%0Atwo&cc=x@y.org&bcc=z@y.org",
    { to: "a@b.org", body: "line\ntwo", cc: "x@y.org", bcc: "z@y.org" },
  ],
  ["mailto:a@b.org?subject=x%0D%0ABcc:%20evil@e.org", { to: "a@b.org", subject: "x Bcc: evil@e.org" }],
  ["mailto:a@b.org?attach=/etc/passwd&from=ceo@b.org", { to: "a@b.org" }],
  ["mailto:gorby%25kremvax@example.com", { to: "gorby%kremvax@example.com" }],
  ["mailto:100%@b.org", { to: "100%@b.org" }],
  ["mailto:%E4%BD%A0@b.org?subject=caf%C3%A9", { to: "你@b.org", subject: "café" }],
])("%s", (uri, made) => {
  expect(parseMailto(uri)).toEqual({ kind: "new", ...made });
});

test("what is no mailto link is none", () => {
  expect(parseMailto("https://example.org/?to=a@b.org")).toBeNull();
});

test("the address of the page says the same", () => {
  expect(fromParameters(new URLSearchParams("compose&to=a@b.org&subject=Hi"))).toEqual({
    kind: "new",
    to: "a@b.org",
    subject: "Hi",
  });
  expect(fromParameters(new URLSearchParams({ compose: "mailto:a@b.org?subject=Hi" }))).toEqual({
    kind: "new",
    to: "a@b.org",
    subject: "Hi",
  });
});
