import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Email, Id } from "../jmap";
import { type Opened, open } from "./testing/open";

let o: Opened;
let thread: Id;

const body = (text: string, isTruncated = false): Partial<Email> => ({
  bodyValues: { "1": { value: text, isEncodingProblem: false, isTruncated } },
  htmlBody: [],
});

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  o = await open((s) => {
    const first = s.deliver(body("one"));
    thread = s.now.emails.get(first)!.threadId!;
    s.deliver({ threadId: thread, ...body("two", true) });
    s.deliver(body("another"));
  });
});
afterEach(() => {
  o.mail.close();
  vi.useRealTimers();
});

const texts = (emails: readonly Email[]) => emails.map((e) => e.bodyValues?.["1"]?.value);

test("has its emails with their bodies, the oldest first", async () => {
  const c = o.mail.conversation(thread);
  await o.wire.settle();
  expect(c.state.value).toBe("ready");
  expect(texts(c.emails.value)).toEqual(["one", "two"]);
});

test("is there at once when it was in sight in a list", async () => {
  const list = o.mail.list({ mailboxId: o.mail.mailboxByRole("inbox")!.id });
  list.window(0, 10);
  await o.wire.settle();
  o.wire.flows = false;
  const c = o.mail.conversation(thread);
  expect(texts(c.emails.value)).toEqual(["one", "two"]);
  expect(o.wire.sent).toEqual([]);
});

test("bodies are loaded once; what changes is seen", async () => {
  const c = o.mail.conversation(thread);
  await o.wire.settle();
  const [first, second] = c.emails.value;
  o.mail.do.quietly.star([first!.id]);
  expect(c.emails.value[0]!.keywords).toEqual({ $flagged: true });
  expect(c.emails.value[1]).toBe(second);
  expect(texts(c.emails.value)).toEqual(["one", "two"]);
});

test("what comes while it is open comes with its body, and what goes is gone", async () => {
  const c = o.mail.conversation(thread);
  const stop = c.emails.subscribe(() => {});
  await o.wire.settle();
  const [first] = c.emails.value;
  o.server.deliver({ threadId: thread, ...body("three") });
  o.server.change(first!.id, undefined);
  const asked = vi.spyOn(o.mail.connection, "call");
  await Promise.all([o.mail.refresh(), o.wire.settle()]);
  await o.wire.settle();
  expect(texts(c.emails.value)).toEqual(["two", "three"]);
  expect(asked).not.toHaveBeenCalled(); // the round that told of it brought its body
  for (const e of c.emails.value) o.server.change(e.id, undefined);
  await Promise.all([o.mail.refresh(), o.wire.settle()]);
  expect(c.state.value).toBe("gone");
  stop();
});

test("what comes without its body, because that is too large with others, is asked for by itself", async () => {
  const c = o.mail.conversation(thread);
  const stop = c.emails.subscribe(() => {});
  await o.wire.settle();
  o.server.tooLarge = true;
  o.server.deliver({ threadId: thread, ...body("three") });
  await Promise.all([o.mail.refresh(), o.wire.settle()]);
  await o.wire.settle();
  expect(texts(c.emails.value)).toEqual(["one", "two", "three"]);
  stop();
});

test("is read once it is shown, without a toast, and taken back where the server refuses", async () => {
  const c = o.mail.conversation(thread);
  await o.wire.settle();
  o.server.locked.add(c.emails.value[0]!.id);
  c.shown();
  expect(o.mail.mailboxByRole("inbox")!.unreadThreads).toBe(1);
  await o.wire.settle();
  expect(o.mail.mailboxByRole("inbox")!.unreadThreads).toBe(2);
  expect(o.toasts.filter((t) => t.undo)).toEqual([]);
});

test("what was cut off is loaded when somebody asks for it", async () => {
  const c = o.mail.conversation(thread);
  await o.wire.settle();
  const long = c.emails.value[1]!;
  o.server.change(long.id, () => body("two, all of it"));
  const whole = c.wholeBody(long.id, "1");
  await o.wire.settle();
  await whole;
  expect(texts(c.emails.value)[1]).toBe("two, all of it");
});

test("what cannot be loaded says why, and is loaded when asked again", async () => {
  o.wire.cut = true;
  const c = o.mail.conversation("T-not-seen-before");
  await o.wire.settle();
  expect(c.state.value).toBe("failed");
  expect(c.trouble.value?.key).toBe("model.unanswered");
  o.wire.cut = false;
  c.retry();
  await o.wire.settle();
  expect(c.state.value).toBe("gone");
});
