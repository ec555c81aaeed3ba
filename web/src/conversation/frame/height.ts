// The frame is as high as what is in it, and as wide as its place: what is wider is made smaller, so far as it stays readable, and scrolls after that.

const smallest = 0.5;
const highest = 100_000; // px; what is higher scrolls in the frame
const most = 40; // changes of the height in a second: what changes more often chases itself

/** follow keeps the frame's height; it returns what ends that. */
export function follow(frame: HTMLIFrameElement, body: HTMLElement): () => void {
  let begun = 0;
  let changes = 0;
  let width = -1;
  const measure = () => {
    if (frame.clientWidth !== width) {
      width = frame.clientWidth;
      shrink(frame, body);
    }
    const height = Math.min(highest, Math.ceil(body.getBoundingClientRect().height));
    if (Math.abs(height - frame.clientHeight) < 1) return;
    const now = performance.now();
    if (now - begun > 1000) {
      begun = now;
      changes = 0;
    }
    if (++changes > most) return;
    frame.style.blockSize = `${height}px`;
  };
  const watcher = new ResizeObserver(measure);
  watcher.observe(body);
  watcher.observe(frame);
  const loaded = () => {
    shrink(frame, body);
    measure();
  };
  body.addEventListener("load", loaded, true); // a picture has come
  measure();
  return () => {
    watcher.disconnect();
    body.removeEventListener("load", loaded, true);
  };
}

/** shrink makes what is wider than the frame smaller. */
function shrink(frame: HTMLIFrameElement, body: HTMLElement): void {
  body.style.removeProperty("zoom");
  const wide = body.scrollWidth;
  const place = frame.clientWidth;
  if (place > 0 && wide > place + 1) body.style.setProperty("zoom", String(Math.max(smallest, place / wide)));
}
