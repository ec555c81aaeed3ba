// Prints a part of the page: what stands above it loses its limits of size, what stands beside it is not printed (print.css).
import "./print.css";

const patience = 3000; // ms until messages that were closed are there

/** printOpened prints an element once what was opened in it is there. */
export async function printOpened(element: HTMLElement | null): Promise<void> {
  const end = performance.now() + patience;
  do await new Promise((next) => setTimeout(next, 60));
  while (element?.querySelector('[data-shown="false"], [aria-busy="true"]') && performance.now() < end);
  printElement(element);
}

export function printElement(element: HTMLElement | null): void {
  if (!element) return;
  const path: Element[] = [];
  for (let at: Element | null = element.parentElement; at && at !== document.documentElement; at = at.parentElement)
    path.push(at);
  element.dataset.print = "this";
  for (const at of path) (at as HTMLElement).dataset.print = "above";
  document.documentElement.dataset.printing = "";
  const end = () => {
    delete document.documentElement.dataset.printing;
    for (const at of [element, ...path]) delete (at as HTMLElement).dataset.print;
  };
  addEventListener("afterprint", end, { once: true });
  print();
}
