import { describe, expect, test } from "vitest";
import { href, parse } from "./route";

describe("routes", () => {
  test.each([
    ["/mail/inbox", { view: "mailbox", box: "inbox", thread: null }],
    ["/", { view: "mailbox", box: "inbox" }],
    ["/mail/F51q/T9", { view: "mailbox", box: "F51q", thread: "T9" }],
    ["/mail/priority/T9", { view: "priority", thread: "T9" }],
    ["/mail/settings/people", { view: "settings", page: "people" }],
    ["/mail/a%zz", { box: "a%zz" }],
  ])("%s", (path, expected) => {
    expect(parse(path)).toMatchObject(expected);
  });

  test("what was searched for comes back, whatever it is", () => {
    const to = { view: "search", query: 'from:"Zoë & Co" 100% #1', thread: "T/1" } as const;
    const url = new URL(href(to), "https://mail.example");
    expect(parse(url.pathname, url.search)).toMatchObject(to);
  });

  test("a mailto link opens the composer", () => {
    expect(parse("/mail/inbox", "?compose&to=a@example.org").compose?.get("to")).toBe("a@example.org");
  });
});
