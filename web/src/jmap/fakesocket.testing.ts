// A WebSocket whose other end is a test.

interface Frame {
  "@type": string;
  id?: string;
  methodCalls?: [string, Record<string, unknown>, string][];
  [more: string]: unknown;
}

export class FakeSocket {
  static readonly all: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: ((e: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly frames: Frame[] = [];
  closed = false;

  constructor(readonly path: string) {
    FakeSocket.all.push(this);
  }

  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  send(text: string): void {
    this.frames.push(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
  }

  // --- the other end ---

  get requests(): Frame[] {
    return this.frames.filter((f) => f["@type"] === "Request");
  }

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  answer(f: Frame, result: object = {}): void {
    const methodResponses = f.methodCalls!.map(([name, , id]) => [name, result, id]);
    this.tell({ "@type": "Response", requestId: f.id, methodResponses, sessionState: "s" });
  }

  break(code = 1006): void {
    this.onclose?.({ code });
  }
}
