import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "./connection";
import { ConnectionError, MethodError, RequestError, SignedOutError } from "./errors";
import { FakeSocket } from "./fakesocket.testing";
import { times } from "./socket";

const session = {
  capabilities: {
    "urn:ietf:params:jmap:core": { maxCallsInRequest: 4, maxSizeUpload: 10 },
    "urn:ietf:params:jmap:websocket": { url: "wss://mail.example.org/jmap/ws" },
  },
  accounts: {},
  primaryAccounts: { "urn:ietf:params:jmap:mail": "A1" },
  apiUrl: "https://mail.example.org/jmap/api",
  uploadUrl: "https://mail.example.org/jmap/upload/{accountId}/",
  downloadUrl: "https://mail.example.org/jmap/download/{accountId}/{blobId}/{name}?type={type}",
  eventSourceUrl: "",
  state: "s",
};

/** How the server answers over HTTP. */
let http: (path: string, body: { methodCalls: [string, object, string][] } | undefined) => Response | Promise<Response>;
const posted: string[] = [];
let connection: Connection;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  FakeSocket.all.length = 0;
  posted.length = 0;
  http = (path, body) => {
    if (path === "/.well-known/jmap") return Response.json(session);
    const methodResponses = body!.methodCalls.map(([name, , id]) => [name, { by: "http" }, id]);
    return Response.json({ methodResponses, sessionState: "s" });
  };
  connection = new Connection({
    fetch: (async (url: string, init: RequestInit) => {
      posted.push(url);
      return http(url, init.body ? JSON.parse(String(init.body)) : undefined);
    }) as unknown as typeof fetch,
    webSocket: (path) => new FakeSocket(path) as unknown as WebSocket,
    random: () => 0.5,
  });
});
afterEach(() => {
  connection.close();
  vi.useRealTimers();
});

async function online(): Promise<FakeSocket> {
  await connection.open();
  FakeSocket.last.onopen?.();
  return FakeSocket.last;
}

/** What a promise comes to, for a test that looks at it later. */
function outcome<T>(p: Promise<T>): Promise<T | Error> {
  return p.catch((e: Error) => e);
}

test("requests go over HTTP until there is a WebSocket, and then over that", async () => {
  await connection.open();
  expect(connection.status.value).toBe("connecting");
  expect(await connection.call("Email/get")).toEqual({ by: "http" });
  FakeSocket.last.onopen?.();
  expect(connection.status.value).toBe("online");
  const got = connection.call("Email/get", { ids: ["M1"] });
  await vi.advanceTimersByTimeAsync(0);
  const [request] = FakeSocket.last.requests;
  expect(request!.methodCalls).toEqual([["Email/get", { accountId: "A1", ids: ["M1"] }, "0"]]);
  FakeSocket.last.answer(request!, { list: [] });
  expect(await got).toEqual({ list: [] });
  expect(FakeSocket.last.path).toBe("/jmap/ws");
});

test("an answer belongs to its request, in whichever order they come", async () => {
  const ws = await online();
  const calls = [connection.call("A/get"), connection.call("B/get")];
  await vi.advanceTimersByTimeAsync(0);
  ws.answer(ws.requests[1]!, { n: 2 });
  ws.answer(ws.requests[0]!, { n: 1 });
  expect(await Promise.all(calls)).toEqual([{ n: 1 }, { n: 2 }]);
});

test("few requests are under way at a time, the others wait in order", async () => {
  const ws = await online();
  const calls = ["A", "B", "C", "D", "E"].map((n) => connection.call(`${n}/get`));
  await vi.advanceTimersByTimeAsync(0);
  expect(ws.requests.length).toBe(3);
  for (let i = 0; i < 5; i++) {
    ws.answer(ws.requests[i]!, { i });
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(await Promise.all(calls)).toEqual([0, 1, 2, 3, 4].map((i) => ({ i })));
});

test("when the WebSocket is lost, what changes nothing is asked again over HTTP, and what does rejects", async () => {
  const ws = await online();
  const read = connection.call("Email/get");
  const write = outcome(connection.call("Email/set"));
  await vi.advanceTimersByTimeAsync(0);
  ws.break();
  expect(await read).toEqual({ by: "http" });
  expect(await write).toBeInstanceOf(ConnectionError);
  expect((await write) as ConnectionError).toMatchObject({ mayHaveHappened: true });
});

test("a lost WebSocket comes back by itself, and says so", async () => {
  const ws = await online();
  const connected = vi.fn();
  connection.on("Connected", connected);
  ws.break();
  expect(connection.status.value).toBe("connecting");
  await vi.advanceTimersByTimeAsync(500);
  expect(FakeSocket.all.length).toBe(2);
  FakeSocket.last.onopen?.();
  expect(connection.status.value).toBe("online");
  expect(connected).toHaveBeenCalledTimes(1);
});

test("without a server it tries more and more seldom, and at once when asked to", async () => {
  const ws = await online();
  http = () => Promise.reject(new TypeError("no network"));
  ws.break();
  for (let i = 0; i < 100; i++) {
    await vi.advanceTimersByTimeAsync(1_000);
    if (!FakeSocket.last.closed) FakeSocket.last.break();
  }
  expect(connection.status.value).toBe("offline");
  const tries = FakeSocket.all.length;
  expect(tries).toBeLessThan(12);
  connection.retry();
  await vi.advanceTimersByTimeAsync(0);
  expect(FakeSocket.all.length).toBe(tries + 1);
});

test("a connection on which nothing is heard is given up after a sign of life was asked for in vain", async () => {
  const ws = await online();
  const read = connection.call("Email/get");
  await vi.advanceTimersByTimeAsync(times.quiet);
  expect(ws.requests.at(-1)!.methodCalls![0]![0]).toBe("Core/echo");
  await vi.advanceTimersByTimeAsync(times.sign);
  expect(ws.closed).toBe(true);
  expect(await read).toEqual({ by: "http" });
});

test("a server that is slow and alive is waited for", async () => {
  const ws = await online();
  const read = connection.call("Email/query");
  for (let i = 0; i < 2; i++) {
    await vi.advanceTimersByTimeAsync(times.quiet);
    ws.answer(ws.requests.at(-1)!); // the sign of life
  }
  expect(ws.closed).toBe(false);
  ws.answer(ws.requests[0]!, { ids: [] });
  expect(await read).toEqual({ ids: [] });
});

test("push is asked for with the types that are wanted, and goes on where it was", async () => {
  const ws = await online();
  const told = vi.fn();
  connection.on("StateChange", told);
  connection.hear("Email");
  connection.hear("Signal");
  connection.hear("Signal", false);
  await vi.advanceTimersByTimeAsync(0);
  expect(ws.frames.at(-1)).toMatchObject({ "@type": "WebSocketPushEnable", dataTypes: ["Email"], pushState: null });
  const change = { "@type": "StateChange", changed: { A1: { Email: "2" } }, pushState: "p" };
  ws.tell(change);
  expect(told).toHaveBeenCalledWith(change);
  ws.break();
  await vi.advanceTimersByTimeAsync(500);
  FakeSocket.last.onopen?.();
  expect(FakeSocket.last.frames[0]).toMatchObject({ dataTypes: ["Email"], pushState: "p" });
});

test("a sign-in that is over is refused, and goes on after another one", async () => {
  const ws = await online();
  const ask = http;
  http = () => Response.json({}, { status: 401 });
  ws.break(1008);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(connection.status.value).toBe("refused");
  expect(await outcome(connection.call("Email/get"))).toBeInstanceOf(SignedOutError);
  const tries = FakeSocket.all.length;
  await vi.advanceTimersByTimeAsync(100_000);
  expect(FakeSocket.all.length).toBe(tries);
  http = ask;
  await connection.resume();
  FakeSocket.last.onopen?.();
  expect(connection.status.value).toBe("online");
});

test("too many requests at a time are repeated a little later", async () => {
  await connection.open();
  const ask = http;
  let refused = 2;
  const limit = { type: "urn:ietf:params:jmap:error:limit", limit: "maxConcurrentRequests", status: 429 };
  http = (path, body) => (body && refused-- > 0 ? Response.json(limit, { status: 429 }) : ask(path, body));
  const set = connection.call("Email/set");
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await set).toEqual({ by: "http" });
});

test("what may have been done is not asked for twice", async () => {
  await connection.open();
  for (const status of [500, 502]) {
    posted.length = 0;
    http = () => Response.json({}, { status });
    expect(await outcome(connection.call("EmailSubmission/set"))).toBeInstanceOf(
      status === 500 ? RequestError : ConnectionError,
    );
    expect(posted.filter((p) => p === "/jmap/api").length).toBe(1);
  }
});

test("errors say what is known: of a method, and of the request", async () => {
  await connection.open();
  const fails = { type: "forbidden", description: "you may not" };
  http = (_, body) =>
    Response.json({ methodResponses: [["error", fails, body!.methodCalls[0]![2]]], sessionState: "s" });
  const error = (await outcome(connection.call("Email/set"))) as MethodError;
  expect(error).toBeInstanceOf(MethodError);
  expect(error).toMatchObject(fails);
  http = () => Response.json({ type: "urn:ietf:params:jmap:error:notRequest", detail: "no" }, { status: 400 });
  expect(await outcome(connection.call("Email/set"))).toMatchObject({
    name: "RequestError",
    status: 400,
    detail: "no",
  });
});

test("what is larger than the server takes is not sent", async () => {
  await connection.open();
  const refused = await outcome(connection.upload(new Blob(["more than ten bytes"])));
  expect(refused).toBeInstanceOf(RequestError);
  expect(refused).toMatchObject({ limit: "maxSizeUpload" });
});

test("a batch refers to results of earlier calls, and each call has its own end", async () => {
  await connection.open();
  http = (_, body) => {
    const [query, get] = body!.methodCalls;
    expect(get![1]).toMatchObject({ "#ids": { resultOf: query![2], name: "Email/query", path: "/ids" } });
    const methodResponses = [
      ["Email/query", { ids: ["M1"] }, query![2]],
      ["error", { type: "requestTooLarge" }, get![2]],
    ];
    return Response.json({ methodResponses, sessionState: "s" });
  };
  const { query, get } = await connection.batch((b) => {
    const query = b.call<{ ids: string[] }>("Email/query");
    return { query, get: b.call("Email/get", { "#ids": query.ref("/ids") }) };
  });
  expect(query.result.ids).toEqual(["M1"]);
  expect(get.failure?.type).toBe("requestTooLarge");
  expect(() => get.result).toThrow(MethodError);
});

test("names and types of downloads are quoted", async () => {
  await connection.open();
  expect(connection.downloadURL("B1", "a/b?.txt", "text/plain")).toBe(
    "/jmap/download/A1/B1/a%2Fb%3F.txt?type=text%2Fplain",
  );
});
