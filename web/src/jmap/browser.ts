// What the connection needs of the browser.

/** A WebSocket to where the page came from. */
export function browserSocket(path: string): WebSocket {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}${path}`, "jmap");
}

/** Has look called when the browser is on or off line, or somebody looks at the page again. */
export function addListeners(signal: AbortSignal, look: () => void): void {
  if (typeof window === "undefined") return;
  window.addEventListener("online", look, { signal });
  window.addEventListener("offline", look, { signal });
  window.addEventListener("pageshow", look, { signal });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look(), { signal });
}
