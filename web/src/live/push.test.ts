import { beforeEach, expect, test, vi } from "vitest";
import type { Mail } from "../model";
import { preferences } from "../preferences";
import { bytesOf, disablePush, renewPush } from "./push";

const day = 86_400_000;
const now = Date.parse("2026-11-22T12:00:00Z");
const browser = {
  toJSON: () => ({ endpoint: "https://push.example/1", keys: { p256dh: "P", auth: "A" } }),
  unsubscribe: vi.fn(async () => true),
};
const manager = { getSubscription: vi.fn(async () => browser as unknown), subscribe: vi.fn(async () => browser) };

vi.mock("./service", () => ({ service: async () => ({ pushManager: manager }) }));

function mail(kept: object[]) {
  const asked: [string, object][] = [];
  const call = async (name: string, args: object) => {
    asked.push([name, args]);
    return name === "PushSubscription/get" ? { list: kept } : {};
  };
  const session = { capabilities: { "urn:ietf:params:jmap:webpush-vapid": { applicationServerKey: "AQID" } } };
  return { asked, mail: { connection: { call, session } } as unknown as Mail };
}

const here = (inDays: number) => ({
  id: "S1",
  deviceClientId: "here",
  expires: new Date(now + inDays * day).toISOString(),
});
const changes = (asked: [string, object][]) =>
  asked.filter(([name]) => name === "PushSubscription/set").map(([, args]) => args);

beforeEach(() => {
  const notification = Object.assign(() => {}, { permission: "granted", requestPermission: async () => "granted" });
  vi.stubGlobal("window", { PushManager: {}, Notification: notification });
  vi.stubGlobal("Notification", notification);
  vi.stubGlobal("navigator", { serviceWorker: { ready: Promise.resolve() } });
  preferences.device.set("here");
  preferences.push.set(true);
  manager.getSubscription.mockResolvedValue(browser);
});

test("a key of the server is base64url without padding", () => {
  expect([...bytesOf("-_8")]).toEqual([251, 255]);
  expect([...bytesOf("AQID")]).toEqual([1, 2, 3]);
});

test("one that holds for long is left alone", async () => {
  const { asked, mail: m } = mail([here(20)]);
  await renewPush(m, now);
  expect(changes(asked)).toEqual([]);
});

test("one that ends soon is put off", async () => {
  const { asked, mail: m } = mail([here(10)]);
  await renewPush(m, now);
  expect(changes(asked)).toEqual([{ update: { S1: { expires: "2026-12-22T12:00:00Z" } } }]);
});

test("what the browser has lost is made anew, and the old one goes", async () => {
  manager.getSubscription.mockResolvedValue(null);
  const { asked, mail: m } = mail([here(20), { id: "S2", deviceClientId: "elsewhere", expires: null }]);
  await renewPush(m, now);
  const [gone, made] = changes(asked) as [object, { create: { here: object } }];
  expect(gone).toEqual({ destroy: ["S1"] });
  expect(made.create.here).toMatchObject({
    deviceClientId: "here",
    url: "https://push.example/1",
    types: ["Notification"],
  });
});

test("what is not wanted is not renewed", async () => {
  preferences.push.set(false);
  const { asked, mail: m } = mail([]);
  await renewPush(m, now);
  expect(asked).toEqual([]);
});

test("ended, it is known to neither side", async () => {
  const { asked, mail: m } = mail([here(20)]);
  await disablePush(m);
  expect(changes(asked)).toEqual([{ destroy: ["S1"] }]);
  expect(browser.unsubscribe).toHaveBeenCalled();
  expect(preferences.push.peek()).toBe(false);
});
