// The event source of RFC 8620 7.3: how one hears of changes where no WebSocket gets through.

import { pathOf } from "./http";

/** Opens an event source; returns what closes it. EventSource comes back by itself after a loss. */
export function openEventSource(
  template: string,
  types: readonly string[],
  told: (type: string, object: object) => void,
  opened: () => void,
): () => void {
  const values: Record<string, string> = { types: types.join(","), closeafter: "no", ping: "60" };
  const url = pathOf(template).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const source = new EventSource(url);
  const hear = (type: string) => (e: MessageEvent) => {
    try {
      told(type, JSON.parse(e.data));
    } catch {
      // Not JSON: there is nothing in it for us.
    }
  };
  source.addEventListener("open", opened);
  source.addEventListener("state", hear("StateChange"));
  for (const type of ["Signal", "Notification"]) source.addEventListener(type, hear(type));
  return () => source.close();
}
