// What hostile mail does to who answers it: its HTML stands in the page itself there, and not in a frame.
import { expect, test } from "../harness/index.ts";

const over = "inset:0;top:0;left:0;width:100vw;height:100vh;z-index:99999;background:#fff";
const html = `
<div style="position:fixed;${over}">OVER 1</div>
<div style="position/**/:fixed;${over}">OVER 2</div>
<div style="pos\\69tion:fixed;${over}">OVER 3</div>
<div style="margin:-900px 0 0 -900px;padding:900px;background:#fff">OVER 4</div>
<div style="transform:translate(-300px,-500px) scale(50);background:#fff">OVER 5</div>
<p style="background:ur/**/l(https://canary.example/1)">a</p>
<p style="background-image:image-set('https://canary.example/2' 1x)">b</p>
<p style="list-style-image:URL(https://canary.example/3);border-image:url(https://canary.example/4)">c</p>
<img src="https://canary.example/5.png" srcset="https://canary.example/6.png 2x" onerror="document.title='ran'">
<a href="javascript:document.title='ran'">link</a> <a href="data:text/html,x">data</a>
<form action="https://canary.example/7"><input name="password" type="password"><button>Sign in</button></form>
<iframe srcdoc="<script>parent.document.title='ran'</script>"></iframe><svg onload="document.title='ran'"></svg>
<p style="color:#a00">the end</p>`;

test("what is quoted neither lies over the page nor fetches nor runs", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  ada.expected.push(/Content Security Policy|frame\.html|sandbox/);
  const away: string[] = [];
  ada.context.on("request", (r) => {
    if (/canary/.test(r.url())) away.push(r.url());
  });
  await ada.deliver({ from: "Eve <eve@example.net>", subject: "Answer me", html });
  const mail = await ada.jmap.email("Answer me");
  await ada.page.goto(`/mail/inbox/${mail.threadId}`);
  await ada.page.getByRole("button", { name: "Reply", exact: true }).first().click();
  const window = ada.page.getByRole("dialog", { name: "Re: Answer me" });
  await window.getByRole("button", { name: "Show quoted text" }).click();
  const quote = window.getByRole("textbox", { name: "Quoted text" });
  await expect(quote).toContainText("the end");
  const found = await quote.evaluate((host) => {
    const bad: string[] = [];
    const inside = host.getBoundingClientRect();
    for (const e of host.querySelectorAll("*")) {
      const style = getComputedStyle(e);
      if (style.position !== "static") bad.push(`${style.position}: ${e.outerHTML.slice(0, 80)}`);
      if (style.transform !== "none") bad.push(`transform: ${e.outerHTML.slice(0, 80)}`);
      if (/^(form|input|button|iframe|svg|script)$/i.test(e.tagName)) bad.push(e.tagName);
      if (/^(javascript|data):/i.test(e.getAttribute("href") ?? "")) bad.push(String(e.getAttribute("href")));
    }
    // Wherever one points beside the quote, it is not the quote that one meets.
    for (let x = 5; x < innerWidth; x += 20)
      for (let y = 5; y < innerHeight; y += 20) {
        if (x > inside.left && x < inside.right && y > inside.top && y < inside.bottom) continue;
        const met = document.elementFromPoint(x, y);
        if (met && host.contains(met) && met !== host) bad.push(`over ${x},${y}: ${met.outerHTML.slice(0, 60)}`);
      }
    return bad.slice(0, 10);
  });
  expect(found).toEqual([]);
  expect(away).toEqual([]);
  await expect(ada.page).not.toHaveTitle("ran");
});
