// What stories stand on: a real server, and people at browsers of their own. docs/web.md, "Tests", tells how to write one.
import { existsSync } from "node:fs";
import { test as base, expect } from "@playwright/test";
import { Person, type PersonOptions } from "./person.ts";
import { Mailmesh } from "./server.ts";

export { expect } from "@playwright/test";
export type { Jmap } from "./jmap.ts";
export type { Attachment, Letter } from "./letter.ts";
export type { Person, PersonOptions } from "./person.ts";
export type { Account, Mailmesh } from "./server.ts";
export { Wire } from "./wire.ts";

interface Fixtures {
  /** Makes somebody with a new account, signed in and looking at the inbox, or as the options say. */
  person: (name: string, options?: PersonOptions) => Promise<Person>;
  /** Starts a server of the story's own, which may be killed: the environment sets keys of its configuration. */
  ownServer: (environment?: Record<string, string>, flags?: string[]) => Promise<Mailmesh>;
  /** Makes Alice of the demo (internal/node/demo), who has sample mail of all kinds, on a server of her own. */
  resident: (options?: PersonOptions) => Promise<Person>;
  /** The same on another server: somebody who is at home there. */
  personAt: (server: Mailmesh, name: string, options?: PersonOptions) => Promise<Person>;
}

interface Shared {
  server: Mailmesh;
}

const programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
export const chromium = process.env.CHROMIUM ?? programs.find((p) => existsSync(p));

/** For a browser that does nothing but what a story tells it. */
export const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const test = base.extend<Fixtures, Shared & { launchOptions: object }>({
  server: [
    async ({}, use) => {
      const server = await Mailmesh.start();
      await use(server);
      await server.remove();
    },
    { scope: "worker", timeout: 60_000 },
  ],

  launchOptions: [
    async ({ server }, use) => {
      if (!chromium) throw new Error("there is no Chromium: run make setup, or set CHROMIUM");
      await use({
        executablePath: chromium,
        args: [...flags, `--ignore-certificate-errors-spki-list=${server.trusted}`],
      });
    },
    { scope: "worker" },
  ],

  person: async ({ personAt, server }, use) => {
    await use((name, options) => personAt(server, name, options));
  },

  personAt: async ({ browser }, use) => {
    const people: Person[] = [];
    await use(async (at, name, options = {}) => {
      const account = options.account ?? (await at.account(name, options));
      const person = await Person.arrive(browser, at, account, options);
      people.push(person);
      return person;
    });
    for (const p of people) await p.context.close();
    const complaints = people.flatMap((p) => p.unexpected().map((text) => `${p.account.name}: ${text}`));
    expect(complaints, "what the browsers complained of").toEqual([]);
  },

  resident: async ({ ownServer, personAt }, use) => {
    await use(async (options = {}) => {
      const server = await ownServer({}, ["--demo"]);
      const account = { name: "Alice Berger", ...server.doors.accounts![0]! };
      return personAt(server, account.name, { account, ...options });
    });
  },

  // Its certificate is that of the first one, which the browser of this worker trusts.
  ownServer: async ({ server }, use, info) => {
    const servers: Mailmesh[] = [];
    await use(async (environment = {}, flags = []) => {
      const own = await Mailmesh.start({ ...server.certificate, ...environment }, flags);
      servers.push(own);
      return own;
    });
    for (const own of servers) {
      if (info.status !== info.expectedStatus) await info.attach("server.log", { body: own.said });
      await own.remove();
    }
  },
});
