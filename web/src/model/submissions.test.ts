import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EmailSubmission } from "../jmap";
import { type Opened, open } from "./testing/open";

let o: Opened;
let all: Partial<EmailSubmission>[];
let changed: string[];
let state: string;

const submission = (id: string, emailId: string, more: Partial<EmailSubmission> = {}) => ({
  id,
  emailId,
  sendAt: `2026-11-22T12:00:0${id.slice(1)}Z`,
  undoStatus: "final" as const,
  ...more,
});

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  all = [submission("S1", "M1"), submission("S2", "M1"), submission("S3", "M3", { undoStatus: "pending" })];
  changed = [];
  state = "1";
  o = await open((s) => {
    s.more.set("EmailSubmission/query", ({ filter }) => {
      const f = filter as { emailIds?: string[]; undoStatus?: string };
      const found = all.filter((x) => (f.emailIds ? f.emailIds.includes(x.emailId!) : x.undoStatus === f.undoStatus));
      return { ids: found.map((x) => x.id) };
    });
    s.more.set("EmailSubmission/get", ({ ids }) => {
      return { state, list: all.filter((x) => (ids as string[]).includes(x.id!)), notFound: [] };
    });
    s.more.set("EmailSubmission/changes", () => {
      return { newState: state, hasMoreChanges: false, created: [], updated: changed, destroyed: [] };
    });
    s.more.set("EmailSubmission/set", ({ update }) => {
      const [id] = Object.keys(update as object);
      return id === "S3" ? { updated: { S3: null } } : { notUpdated: { [id!]: { type: "cannotUnsend" } } };
    });
  });
});
afterEach(() => {
  o.mail.close();
  vi.useRealTimers();
});

test("rows that ask together are one request; the newest counts, and none is null", async () => {
  const { submissions } = o.mail;
  const [one, none] = [submissions.of("M1"), submissions.of("M2")];
  expect(one.value).toBeUndefined();
  await o.wire.settle();
  expect(one.value?.id).toBe("S2");
  expect(none.value).toBeNull();
  expect(submissions.all("M1").value?.map((s) => s.id)).toEqual(["S2", "S1"]);
  expect(o.server.called.get("EmailSubmission/query")).toBe(1);
});

test("what becomes of a message is seen", async () => {
  const one = o.mail.submissions.of("M1");
  await o.wire.settle();
  all[1] = submission("S2", "M1", { timeline: { "bob@example.net": [] } });
  changed = ["S2"];
  state = "2";
  o.wire.cut = true;
  await o.mail.refresh().catch(() => {});
  o.wire.cut = false;
  o.mail.connection.retry(); // connected again
  await o.wire.settle();
  expect(one.value?.timeline).toEqual({ "bob@example.net": [] });
});

test("what is sent later is told, and can be taken back until it has left", async () => {
  const { submissions } = o.mail;
  expect(submissions.scheduled.value).toEqual([]);
  await o.wire.settle();
  expect(submissions.scheduled.value?.map((s) => s.id)).toEqual(["S3"]);
  expect(await submissions.cancel("S3")).toBe(true);
  expect(await submissions.cancel("S1")).toBe(false);
});
