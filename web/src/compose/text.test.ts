// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import { htmlToText, linkify, textToHtml } from "./text";

describe("the text of HTML", () => {
  test.each([
    ["<p>One</p><p>Two</p>", "One\n\nTwo"],
    ["<div>One</div><div>Two</div><div><br></div><div>Three</div>", "One\nTwo\n\nThree"],
    ["a  b\n c<br>d", "a b c\nd"],
    ["<p>x<br></p><p>y</p>", "x\n\ny"],
    ["<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n  - c"],
    ["<ol start='3'><li><p>a</p></li><li><p>b</p></li></ol>", "3. a\n4. b"],
    [
      "<p>He said:</p><blockquote><p>One</p><p>Two</p><blockquote>old</blockquote></blockquote><p>So</p>",
      "He said:\n\n> One\n>\n> Two\n>\n> > old\n\nSo",
    ],
    ['<a href="https://example.org/x">here</a>', "here <https://example.org/x>"],
    ['<a href="https://example.org/">example.org</a>', "example.org"],
    ["<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc"],
    ["<style>p{}</style><script>x()</script><p>Hi</p>", "Hi"],
    ['<img alt="A cat" src="cid:x">', "[A cat]"],
    ["<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"],
    ["a&nbsp;b &lt;c&gt;", "a b <c>"],
    ["", ""],
  ])("%s", (html, text) => {
    expect(htmlToText(html)).toBe(text);
  });
});

describe("text as HTML", () => {
  test.each([
    ["One\n\nTwo", "<p>One</p><p></p><p>Two</p>"],
    ["> a\n> > b\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"],
    ["<b> & co", "<p>&lt;b&gt; &amp; co</p>"],
  ])("%s", (text, html) => {
    expect(textToHtml(text)).toBe(html);
  });

  test.each([
    [
      "see https://e.org/a(b), or www.e.org.",
      'see <a href="https://e.org/a(b)">https://e.org/a(b)</a>, or <a href="https://www.e.org">www.e.org</a>.',
    ],
    ["(https://e.org)", '(<a href="https://e.org">https://e.org</a>)'],
    ["ann@e.org!", '<a href="mailto:ann@e.org">ann@e.org</a>!'],
    ['https://e.org/"onclick', '<a href="https://e.org/">https://e.org/</a>&quot;onclick'],
    ["javascript:alert(1)", "javascript:alert(1)"],
    ["a@b", "a@b"],
  ])("links: %s", (text, html) => {
    expect(linkify(text)).toBe(html);
  });

  test("a hostile line costs nothing", () => {
    const start = performance.now();
    linkify(`https://${"(".repeat(50_000)}`);
    linkify("a.".repeat(50_000));
    htmlToText("<div>".repeat(400));
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
