// Opens the model on a FakeServer.

import { openMail } from "../mail";
import type { Mail, MailList, Row } from "../types";
import { FakeServer } from "./server";
import { turn, Wire } from "./wire";

export interface Opened {
  server: FakeServer;
  wire: Wire;
  mail: Mail;
  toasts: { text: string; undo?: () => void; kind?: string }[];
}

export async function open(prepare: (server: FakeServer) => void = () => {}, random = Math.random): Promise<Opened> {
  const server = new FakeServer();
  prepare(server);
  const wire = new Wire(server, random);
  const toasts: Opened["toasts"] = [];
  const mail = await openMail({ connection: wire.connection, tell: (x) => toasts.push(x), memory: undefined });
  await wire.settle();
  return { server, wire, mail, toasts };
}

/** Scrolls through a list until all of it has been in sight once, and returns what was seen. */
export async function readAll(list: MailList, wire: Wire): Promise<Row[]> {
  const rows: Row[] = [];
  for (let i = 0; i < (list.total.value ?? 1); i += 20) {
    list.window(i, i + 20);
    await wire.settle();
    for (let n = i; n < Math.min(i + 20, list.total.value ?? 0); n++) {
      const row = list.at(n);
      if (row === "loading") throw new Error(`row ${n} of ${list.total.value} is not there`);
      rows.push(row);
    }
  }
  await turn();
  return rows;
}
