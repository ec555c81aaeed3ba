import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, unwatchFile, watchFile } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { Jmap } from "./jmap.ts";
import { type Letter, sendLMTP, write } from "./letter.ts";
import { Wire } from "./wire.ts";

export interface Account {
  readonly address: string;
  readonly password: string;
  readonly name: string;
}

/** What the ready file says. */
interface Doors {
  https: string;
  lmtp: string;
  smtp: string;
  imap: string;
  accounts?: { address: string; password: string }[]; // of the demo
}

export interface AccountOptions {
  address?: string; // else one of the name, and a number
  quotaBytes?: number;
}

export const domain = "example.org";
const password = "correct horse battery";

/** A server process on a data folder of its own, which outlives it, reached through a wire. */
export class Mailmesh {
  doors!: Doors;
  /** Of the certificate: what a browser is told to trust (--ignore-certificate-errors-spki-list). */
  trusted = "";
  /** Whether it was ever killed. */
  wasAway = false;
  private readonly folder = mkdtempSync(join(tmpdir(), "mailmesh-story-"));
  private readonly wires: Wire[] = [];
  private child?: ChildProcess;
  private ended: Promise<void> = Promise.resolve();
  private log = "";
  private made = 0;

  private constructor(
    private readonly environment: Record<string, string>,
    private readonly flags: string[],
  ) {}

  /** Starts a server. The environment sets keys of its configuration: MAILMESH_CONFIG_... */
  static async start(environment: Record<string, string> = {}, flags: string[] = []): Promise<Mailmesh> {
    const server = new Mailmesh(environment, flags);
    await server.start();
    server.wires.push(await server.wire());
    server.trusted = await spki(server.port);
    await server.run(["domain", "add", domain]);
    return server;
  }

  /** Where browsers find it. */
  get url(): string {
    return this.wires[0]!.url;
  }

  /** A further way to it, which may be cut alone. */
  async wire(delay?: number): Promise<Wire> {
    const wire = await Wire.open(() => this.port, delay);
    if (this.wires.length > 0) this.wires.push(wire);
    return wire;
  }

  private get port(): number {
    return portOf(this.doors.https);
  }

  async start(): Promise<void> {
    const ready = join(this.folder, "ready.json");
    rmSync(ready, { force: true });
    const args = ["serve", "--data", join(this.folder, "data"), "--any-port", "--ready-file", ready, ...this.flags];
    const child = spawn(binary(), args, {
      env: { ...process.env, ...this.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    for (const out of [child.stdout, child.stderr]) out.on("data", (text) => this.keep(String(text)));
    this.ended = new Promise((done) => child.on("exit", () => done()));
    await appears(ready, this.ended, () => this.log);
    this.doors = JSON.parse(readFileSync(ready, "utf8"));
  }

  /** Ends it as a power switch would. */
  async kill(): Promise<void> {
    this.wasAway = true;
    this.child?.kill("SIGKILL");
    await this.ended;
  }

  /** Ends it, and forgets all. */
  async remove(): Promise<void> {
    for (const wire of this.wires) wire.close();
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What gives another server the certificate of this one. */
  get certificate(): Record<string, string> {
    const file = (end: string) => join(this.folder, "data", `self-signed.${end}`);
    return { MAILMESH_CONFIG_TLS_CERTIFICATE: file("crt"), MAILMESH_CONFIG_TLS_KEY: file("key") };
  }

  /** The end of what it has said. */
  get said(): string {
    return this.log;
  }

  /** Runs a command of the program on its data. */
  run(args: string[], stdin = ""): Promise<string> {
    return new Promise((done, fail) => {
      const child = execFile(binary(), [...args, "--data", join(this.folder, "data")], (error, out, err) =>
        error ? fail(new Error(`mailmesh ${args.join(" ")}: ${out}${err}`)) : done(out),
      );
      child.stdin?.end(stdin);
    });
  }

  async account(name: string, options: AccountOptions = {}): Promise<Account> {
    this.made++;
    const local =
      name
        .split(" ")[0]!
        .normalize("NFKD")
        .replace(/[^a-z]/gi, "")
        .toLowerCase() || "person";
    const address = options.address ?? `${local}${this.made}@${domain}`;
    const args = ["account", "add", address, "--name", name, "--password-stdin"];
    if (options.quotaBytes) args.push("--quota-bytes", String(options.quotaBytes));
    await this.run(args, `${password}\n`);
    return { address, password, name };
  }

  /** Has a message delivered, as if it had come from elsewhere; a string is the message as it is. */
  async deliver(to: Account, letter: Letter | string): Promise<void> {
    await this.deliverAll(to, [letter]);
  }

  async deliverAll(to: Account, letters: readonly (Letter | string)[]): Promise<void> {
    const texts = letters.map((l) => (typeof l === "string" ? l : write(to.address, l)));
    await sendLMTP(portOf(this.doors.lmtp), to.address, texts);
  }

  jmap(account: Account): Jmap {
    return new Jmap(this.port, account);
  }

  private keep(text: string): void {
    this.log = (this.log + text).slice(-20_000);
  }
}

/** The program under test. */
export function binary(): string {
  return process.env.MAILMESH_BINARY ?? "mailmesh";
}

export function portOf(address: string): number {
  return Number(address.split(":").at(-1));
}

async function appears(file: string, ended: Promise<void>, log: () => string): Promise<void> {
  const there = new Promise<boolean>((done) => {
    const look = () => existsSync(file) && done(true);
    watchFile(file, { interval: 10 }, look);
    look();
  });
  const wentWell = await Promise.race([there, ended.then(() => false)]);
  unwatchFile(file);
  if (!wentWell) throw new Error(`the server ended before it was ready:\n${log()}`);
}

/** The hash of the public key that a server shows. */
function spki(port: number): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", rejectUnauthorized: false }, () => {
      const key = new X509Certificate(socket.getPeerCertificate(true).raw).publicKey;
      socket.destroy();
      done(
        createHash("sha256")
          .update(key.export({ type: "spki", format: "der" }))
          .digest("base64"),
      );
    });
    socket.on("error", fail);
  });
}
