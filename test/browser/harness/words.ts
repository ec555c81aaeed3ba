import type { Page } from "@playwright/test";

/**
 * The texts and attributes that the page shows in the pseudo-locale and that come from no catalogue. What people wrote is in elements with
 * translate="no"; times, and the names of keys, are made by the browser and stand in <time> and <kbd>.
 */
export function strayWords(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    // What the user or the catalogue says may stand in a text of the catalogue.
    const foreign = (text: string): string => {
      const rest = text.replace(/⟦[^⟦⟧]*⟧/gu, "");
      return rest === text ? text : foreign(rest);
    };
    const keys = /(?<=^|\(|\s)((Ctrl|Shift|Alt|⌘)\+)*(Ctrl|Shift|Alt|Enter|Esc|Del|.)(?=\)|$)/gu;
    const letters = (text: string) =>
      /\p{L}/u.test(
        foreign(text)
          .replace(keys, "")
          .replace(/\d[\d.,:]*\s?(k|M|G|T)?(B|bytes?|AM|PM)\b/gu, ""),
      );
    const attributes = ["aria-label", "aria-description", "aria-roledescription", "title", "placeholder", "alt"];
    const stray: string[] = [];
    const look = (element: Element) => {
      if (element.matches('[translate="no"], script, style, svg, iframe, noscript, template')) return;
      for (const name of attributes) {
        const value = element.getAttribute(name);
        if (value && letters(value) && !(name === "title" && element.matches("time")))
          stray.push(`${name}="${value}" of ${element.outerHTML.slice(0, 160)}`);
      }
      if (element.matches("time, kbd")) return;
      for (const child of element.childNodes) {
        if (child instanceof Element) look(child);
        else if (child instanceof Text && letters(child.data) && element.checkVisibility()) {
          stray.push(`"${child.data.trim()}" in ${element.outerHTML.slice(0, 160)}`);
        }
      }
    };
    look(document.body);
    return [...new Set(stray)];
  });
}
