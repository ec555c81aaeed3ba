import { expect, test } from "vitest";
import { park, unpark } from "./parked";

test.each([
  ['<p style="a">x</p>', '<p data-style="a">x</p>'],
  ["<p class=x STYLE = 'a > b' id=y>", "<p class=x data-style = 'a > b' id=y>"],
  ['<p title=" style=1">style="text"</p>', '<p title=" style=1">style="text"</p>'],
  ['<br/style="a"><img alt style=a>', '<br/data-style="a"><img alt data-style=a>'],
  ['a < b style="x" <i style=x>', 'a < b style="x" <i data-style=x>'],
  ["<p style", "<p data-style"],
  ['<p style="never ends', '<p data-style="never ends'],
  ["", ""],
])("%s", (html, parked) => {
  expect(park(html)).toBe(parked);
});

test("comes back as it was", () => {
  const html = '<div style="color:red"><p style="margin:0">style="x"</p></div>';
  expect(unpark(park(html))).toBe(html);
});

test("costs what is there", () => {
  const start = performance.now();
  for (const piece of ["<a ", '<a "', "<a style=", "<", "<a / ", "<a b='"]) park(piece.repeat(100_000));
  expect(performance.now() - start).toBeLessThan(3000);
});
