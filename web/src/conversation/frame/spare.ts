// Frames for messages. A frame takes its time to be made and loaded: a spare one is kept ready, out of sight, and moved to where it is needed without being
// loaded again (Node.moveBefore). Browsers that cannot do that make one when it is needed.

const sandbox = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"; // never scripts
const kept = 2;

type Mover = HTMLElement & { moveBefore?(node: Node, child: Node | null): void };

class Spares {
  #ready: HTMLIFrameElement[] = [];
  #coming = 0;
  #holder: Mover | undefined;

  /** Makes what is missing, when there is time. */
  refill(): void {
    if (!("moveBefore" in Element.prototype)) return;
    const later = globalThis.requestIdleCallback ?? ((f: () => void) => setTimeout(f, 200));
    later(() => {
      while (this.#ready.length + this.#coming < kept) this.#make();
    });
  }

  #make(): void {
    if (!this.#holder?.isConnected) {
      this.#holder = document.createElement("div");
      this.#holder.hidden = true;
      document.body.append(this.#holder);
    }
    this.#coming++;
    const frame = newFrame();
    frame.onload = () => {
      frame.onload = null;
      this.#coming--;
      this.#ready.push(frame);
    };
    this.#holder.append(frame);
  }

  take(into: Mover): HTMLIFrameElement | undefined {
    const frame = this.#ready.pop();
    if (!frame?.isConnected || !into.moveBefore || !isLoaded(frame)) return undefined;
    into.moveBefore(frame, null);
    return isLoaded(frame) ? frame : undefined;
  }
}

const spares = new Spares();

/** Has a frame ready for the first message. */
export function prepareFrames(): void {
  spares.refill();
}

/** insertFrame puts a frame into an element, and says when its document is there: at once with a spare one, and again should it ever be loaded anew. It returns what
 * takes it away. */
export function insertFrame(into: HTMLElement, ready: (frame: HTMLIFrameElement) => void): () => void {
  const spare = spares.take(into);
  const frame = spare ?? newFrame();
  frame.onload = () => isLoaded(frame) && ready(frame);
  if (spare) ready(frame);
  else into.append(frame);
  spares.refill();
  return () => {
    frame.onload = null;
    frame.remove();
  };
}

function newFrame(): HTMLIFrameElement {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", sandbox);
  frame.referrerPolicy = "no-referrer";
  frame.src = "/frame.html";
  return frame;
}

/** Whether it is the document of a message, and not the empty one that every frame begins with. */
function isLoaded(frame: HTMLIFrameElement): boolean {
  const doc = frame.contentDocument;
  return doc?.body !== null && doc?.location?.pathname === "/frame.html";
}
