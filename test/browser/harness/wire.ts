import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * The network between browsers and the server: it can be cut, and heals again. The port of its near end stays the same when the server
 * comes back on another one, so that the page keeps its origin.
 */
export class Wire {
  private readonly listener: Server;
  private readonly sockets = new Set<Socket>();
  private whole = true;
  /** Whether it was ever cut: then the browser's complaints about it are no news. */
  wasCut = false;

  private constructor(
    private target: () => number,
    private readonly delay: number,
  ) {
    this.listener = createServer((near) => this.join(near));
  }

  /** delay is what each direction takes, in milliseconds. */
  static async open(target: () => number, delay = 0): Promise<Wire> {
    const wire = new Wire(target, delay);
    await new Promise<void>((done) => wire.listener.listen(0, "127.0.0.1", done));
    return wire;
  }

  get url(): string {
    return `https://localhost:${(this.listener.address() as AddressInfo).port}`;
  }

  /** Every connection ends, and none comes about. */
  cut(): void {
    this.wasCut = true;
    this.whole = false;
    for (const s of this.sockets) s.destroy();
  }

  heal(): void {
    this.whole = true;
  }

  close(): void {
    this.cut();
    this.listener.close();
  }

  private join(near: Socket): void {
    if (!this.whole) {
      near.destroy();
      return;
    }
    const far = connect(this.target(), "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true);
      this.sockets.add(from);
      from.on("close", () => {
        this.sockets.delete(from);
        to.destroy();
      });
      from.on("error", () => from.destroy());
      if (this.delay) from.on("data", (bytes) => setTimeout(() => to.destroyed || to.write(bytes), this.delay));
      else from.pipe(to);
    }
  }
}
