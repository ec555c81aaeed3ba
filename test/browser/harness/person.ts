import { request } from "node:https";
import { type Browser, type BrowserContext, type BrowserContextOptions, expect, type Page } from "@playwright/test";
import type { Jmap } from "./jmap.ts";
import type { Letter } from "./letter.ts";
import type { Account, Mailmesh } from "./server.ts";
import type { Wire } from "./wire.ts";

export interface PersonOptions {
  account?: Account; // else a new one
  quotaBytes?: number; // of the new one
  phone?: boolean;
  theme?: "light" | "dark";
  language?: string; // of i18n; "pseudo" too
  preferences?: Record<string, unknown>; // of src/preferences
  wire?: Wire; // a way to the server of their own
  signedIn?: boolean; // else nobody is
  path?: string; // what is opened first
  context?: BrowserContextOptions;
}

export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Somebody with an account, at a browser of their own. */
export class Person {
  /** Messages of the console that are no failure, besides those that every story may have. */
  readonly expected: RegExp[] = [];
  readonly complaints: string[] = [];

  private constructor(
    readonly server: Mailmesh,
    readonly account: Account,
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly wire?: Wire,
  ) {
    this.listen(page);
    context.on("page", (opened) => this.listen(opened));
  }

  static async arrive(browser: Browser, server: Mailmesh, account: Account, o: PersonOptions = {}): Promise<Person> {
    const context = await browser.newContext({
      baseURL: o.wire?.url ?? server.url,
      colorScheme: o.theme ?? "light",
      ...(o.phone && phone),
      ...o.context,
    });
    const preferences = {
      ...(o.language && { language: o.language }),
      ...(o.theme && { theme: o.theme }),
      ...o.preferences,
    };
    await context.addInitScript((kept) => {
      if (!location.protocol.startsWith("http") || localStorage.getItem("stories") !== null) return; // a tab begins with nothing
      localStorage.setItem("stories", "");
      for (const [name, value] of Object.entries(kept)) localStorage.setItem(`mailmesh.${name}`, JSON.stringify(value));
    }, preferences);
    const person = new Person(server, account, context, await context.newPage(), o.wire);
    if (o.signedIn === false) return person;
    await person.enter();
    await person.open(o.path ?? "/mail/inbox");
    return person;
  }

  get jmap(): Jmap {
    return this.server.jmap(this.account);
  }

  /** Has mail delivered to them. */
  deliver(...letters: (Letter | string)[]): Promise<void> {
    return this.server.deliverAll(this.account, letters);
  }

  async open(path: string): Promise<void> {
    await this.page.goto(path);
    await expect(this.page.locator("header, main, section, nav").filter({ visible: true }).first()).toBeVisible();
  }

  /** A further tab of the same browser. */
  async tab(path = "/mail/inbox"): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(path);
    return page;
  }

  /** Gives the browser a session, without the page to sign in: stories about that fill it in. */
  async enter(): Promise<void> {
    const url = this.wire?.url ?? this.server.url;
    const value = await session(url, this.account);
    await this.context.addCookies([
      { name: "__Host-mailmesh", value, url, secure: true, httpOnly: true, sameSite: "Strict" },
    ]);
  }

  /** Signs in as people do. */
  async signIn(password = this.account.password): Promise<void> {
    await this.page.goto("/");
    await this.page.locator('input[name="username"]').fill(this.account.address);
    await this.page.locator('input[name="password"]').fill(password);
    await this.page.locator('button[type="submit"]').click();
  }

  /** What the browser complained of and nobody expected. */
  unexpected(): string[] {
    // Where a message is shown no script runs: the browser says so of what the harness puts into every document.
    const usual = [/status of 401/, /Blocked script execution in .*\/frame\.html/];
    if (this.wire?.wasCut || this.server.wasAway) usual.push(/net::ERR_|WebSocket connection|status of 50[234]/);
    return this.complaints.filter((text) => ![...usual, ...this.expected].some((e) => e.test(text)));
  }

  private listen(page: Page): void {
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.stack ?? error}`));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(`${message.text()} (${message.location().url})`);
    });
  }
}

/** The value of the cookie that signing in gives. */
function session(url: string, account: Account): Promise<string> {
  const headers = { "Content-Type": "application/json", Origin: url };
  return new Promise((done, fail) => {
    const asked = request(`${url}/session`, { method: "POST", headers, rejectUnauthorized: false }, (answer) => {
      const cookie = /^__Host-mailmesh=([^;]+)/.exec(answer.headers["set-cookie"]?.[0] ?? "");
      if (cookie) done(cookie[1]!);
      else fail(new Error(`signing in was answered ${answer.statusCode}`));
      answer.resume();
    });
    asked.on("error", fail);
    asked.end(JSON.stringify({ login: account.address, password: account.password, keep: true }));
  });
}
