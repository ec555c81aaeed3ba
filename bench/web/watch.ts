import type { BrowserContext, CDPSession, Page } from "@playwright/test";

declare global {
  interface Window {
    /** Resolves to the time, in milliseconds since 1970, at which what is looked for had been painted. */
    painted: (look: string, text?: string) => Promise<number>;
    firstRows: Promise<number>;
  }
}

/** Gives each page of a browser what takes the times. It must be there before the page is. */
export async function watch(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const now = () => performance.timeOrigin + performance.now();
    // The frame in which it is found begins to be drawn with the next callback; a message posted from there comes when that is done.
    const afterPaint = () =>
      new Promise<number>((done) => {
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => done(now());
          channel.port2.postMessage(0);
        });
      });
    const documents = () => [document, ...[...document.querySelectorAll("iframe")].map((f) => f.contentDocument)];
    window.painted = async (look, text = "") => {
      const there = () => documents().some((d) => d && [...d.querySelectorAll(look)].some((e) => e.textContent!.includes(text)));
      await new Promise<void>((done) => {
        if (there()) return done();
        const observer = new MutationObserver(() => {
          if (!there()) return;
          observer.disconnect();
          done();
        });
        observer.observe(document, { childList: true, subtree: true, characterData: true });
      });
      return afterPaint();
    };
    window.firstRows = window.painted('[role="row"] time').then((at) => at - performance.timeOrigin);
  });
}

/** The bytes of JavaScript's heap, of what is still in use. */
export async function heap(page: Page): Promise<number> {
  const session = await cdp(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize;
}

const sessions = new WeakMap<Page, Promise<CDPSession>>();

export function cdp(page: Page): Promise<CDPSession> {
  const known = sessions.get(page) ?? page.context().newCDPSession(page);
  sessions.set(page, known);
  return known;
}
