import { Agent, request } from "node:https";

type Args = Record<string, unknown>;

const using = [
  "urn:ietf:params:jmap:core",
  "urn:ietf:params:jmap:mail",
  "urn:ietf:params:jmap:submission",
  "urn:ietf:params:jmap:vacationresponse",
];

/** Another device of an account: it sets things up, and looks at what the page has done. */
export class Jmap {
  private id?: Promise<string>;
  private readonly agent = new Agent({ keepAlive: true, rejectUnauthorized: false });

  constructor(
    private readonly port: number,
    private readonly account: { address: string; password: string },
  ) {}

  /** Calls a method (RFC 8620 3.2) and returns what it answers. */
  async call<T = any>(method: string, args: Args, capabilities: string[] = []): Promise<T> {
    const accountId = await this.accountId();
    const body = { using: [...using, ...capabilities], methodCalls: [[method, { accountId, ...args }, "0"]] };
    const { methodResponses } = await this.ask("POST", "/jmap/api", JSON.stringify(body));
    const [name, answer] = methodResponses[0];
    if (name === "error") throw new Error(`${method}: ${answer.type} ${answer.description ?? ""}`);
    const refused = answer.notCreated ?? answer.notUpdated ?? answer.notDestroyed;
    if (refused && Object.keys(refused).length > 0) throw new Error(`${method}: ${JSON.stringify(refused)}`);
    return answer;
  }

  /** RFC 8620 2. */
  session(): Promise<any> {
    return this.ask("GET", "/.well-known/jmap");
  }

  accountId(): Promise<string> {
    this.id ??= this.session().then((s) => Object.keys(s.accounts)[0]!);
    return this.id;
  }

  /** The id of the mailbox with a role or a name. */
  async mailbox(role: string): Promise<string> {
    const { list } = await this.call("Mailbox/get", { ids: null });
    const found = list.find((m: Args) => m.role === role) ?? list.find((m: Args) => m.name === role);
    if (!found) throw new Error(`there is no mailbox ${role}`);
    return found.id;
  }

  /** The emails of a mailbox, or all that a filter finds, newest first. */
  async emails(
    where: string | Args,
    properties = ["id", "subject", "keywords", "mailboxIds", "threadId", "preview"],
  ): Promise<any[]> {
    const filter = typeof where === "string" ? { inMailbox: await this.mailbox(where) } : where;
    const { ids } = await this.call("Email/query", { filter, sort: [{ property: "receivedAt", isAscending: false }] });
    const { list } = await this.call("Email/get", { ids, properties });
    return list;
  }

  async email(subject: string): Promise<any> {
    const [found] = await this.emails({ subject });
    if (!found) throw new Error(`there is no email with the subject ${subject}`);
    return found;
  }

  /** Changes emails: { "keywords/$seen": true } */
  async update(ids: string[], patch: Args): Promise<void> {
    await this.call("Email/set", { update: Object.fromEntries(ids.map((id) => [id, patch])) });
  }

  async createMailbox(name: string): Promise<string> {
    const { created } = await this.call("Mailbox/set", { create: { new: { name } } });
    return created.new.id;
  }

  private ask(method: string, path: string, body?: string): Promise<any> {
    const { address, password } = this.account;
    const headers = { "Content-Type": "application/json" };
    return new Promise((done, fail) => {
      const asked = request(
        {
          host: "127.0.0.1",
          port: this.port,
          path,
          method,
          headers,
          agent: this.agent,
          auth: `${address}:${password}`,
        },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (p) => parts.push(p));
          answer.on("end", () => {
            const text = Buffer.concat(parts).toString();
            if (answer.statusCode === 200) done(JSON.parse(text));
            else fail(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
          });
        },
      );
      asked.on("error", fail);
      asked.end(body);
    });
  }
}
