// Where one is in the program: the address of the page, and nothing else. Back and forward work; a link can be kept.
//
//   /mail/{box}              a mailbox, by its role or its id
//   /mail/{box}/{thread}     with a conversation open
//   /mail/priority           what is important in the inbox; /mail/priority/{thread}
//   /mail/search?q=…         what was found; /mail/search/{thread}?q=…
//   /mail/settings/{page}
//
// Any of them may end in ?compose, with what a mailto link says (to, cc, bcc, subject, body: RFC 6068).
import { signal } from "@preact/signals";

export interface Route {
  view: "mailbox" | "priority" | "search" | "settings";
  box: string; // of "mailbox": a role, or an id
  thread: string | null;
  query: string; // of "search"
  page: string; // of "settings"
  compose: URLSearchParams | null;
}

const home: Route = { view: "mailbox", box: "inbox", thread: null, query: "", page: "", compose: null };

export function parse(path: string, search = ""): Route {
  const params = new URLSearchParams(search);
  const compose = params.has("compose") ? params : null;
  const [root, first = "inbox", second = ""] = path.split("/").filter(Boolean).map(decode);
  if (root !== "mail") return { ...home, compose };
  const thread = second || null;
  if (first === "settings") return { ...home, view: "settings", page: second, compose };
  if (first === "search") return { ...home, view: "search", query: params.get("q") ?? "", thread, compose };
  if (first === "priority") return { ...home, view: "priority", thread, compose };
  return { ...home, box: first, thread, compose };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray percent sign
  }
}

export function href(to: Partial<Route>): string {
  const r = { ...home, ...to };
  const first = r.view === "mailbox" ? r.box : r.view;
  const second = r.view === "settings" ? r.page : r.thread;
  const path = ["", "mail", first, ...(second ? [second] : [])].map(encodeURIComponent).join("/");
  return r.view === "search" && r.query ? `${path}?${new URLSearchParams({ q: r.query })}` : path;
}

export const route = signal<Route>(home);

/** Goes somewhere; what is not said is as it is at the start of the view. */
export function go(to: Partial<Route>, how: "push" | "replace" = "push"): void {
  const url = href(to);
  if (url !== location.pathname + location.search)
    history[how === "push" ? "pushState" : "replaceState"](null, "", url);
  route.value = parse(location.pathname, location.search);
}

/** The list that one is in, without the conversation. */
export function listRoute(r: Route = route.value): Partial<Route> {
  return { view: r.view, box: r.box, query: r.query };
}

/** Follows the address; links of the page that lead into the program are followed without loading it again. */
export function follow(): void {
  const read = () => {
    route.value = parse(location.pathname, location.search);
  };
  addEventListener("popstate", read);
  document.addEventListener("click", (e) => {
    const link = (e.target as Element).closest?.("a");
    const plain = e.button === 0 && !e.ctrlKey && !e.metaKey && !e.shiftKey && !e.altKey;
    if (
      !link ||
      !plain ||
      e.defaultPrevented ||
      link.target ||
      link.origin !== location.origin ||
      !link.pathname.startsWith("/mail")
    )
      return;
    e.preventDefault();
    history.pushState(null, "", link.href);
    read();
  });
  read();
}
