// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { MarkdownView } from "../src/markdown/markdown.ts";

let view: MarkdownView;

beforeEach(() => {
  view = new MarkdownView(document.createElement("div"));
});

function html(text: string, growing = false): string {
  view.show(text, growing);
  return view.element.innerHTML;
}

test.each([
  ["plain", "<p>plain</p>"],
  ["**b** *i* ~~d~~ `c<d`", "<p><strong>b</strong> <em>i</em> <del>d</del> <code>c&lt;d</code></p>"],
  ["# One\n\n#### Four", "<h3>One</h3><h6>Four</h6>"],
  ["- a\n- b", "<ul><li><span>a</span></li><li><span>b</span></li></ul>"],
  ["3. a", '<ol start="3"><li><span>a</span></li></ol>'],
  ["> quoted", "<blockquote><p>quoted</p></blockquote>"],
  ["a  \nb", "<p>a<br>b</p>"],
  ["AT&amp;T \\* &#8212; &#x41; &nope; `&lt;`", "<p>AT&amp;T * — A &amp;nope; <code>&amp;lt;</code></p>"],
  ["&lt;b&gt; &#0; &#xD800; &#9999999;", "<p>&lt;b&gt; \ufffd \ufffd \ufffd</p>"],
])("%j", (text, expected) => {
  expect(html(text)).toBe(expected);
});

test("tables and code can be scrolled by keyboard and are named", () => {
  html("| a | b |\n|--:|---|\n| 1 | 2 |\n\n```js\nx()\n```");
  const [table, code] = view.element.children;
  expect(table!.getAttribute("aria-label")).toBe("Table");
  expect([...table!.querySelectorAll("th, td")].map((cell) => cell.className)).toEqual(["right", "", "right", ""]);
  expect(code!.textContent).toBe("x()");
  expect(code!.getAttribute("aria-label")).toBe("Code, js");
});

test.each([
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "text <b onclick=alert(1)>bold</b>",
  "<svg onload=alert(1)>\n\n<iframe srcdoc='x'></iframe>",
])("HTML stays text: %s", (text) => {
  html(text);
  expect(view.element.querySelector("img, script, b, svg, iframe")).toBeNull();
  expect(view.element.textContent).toContain(text.slice(0, 4));
});

test.each(["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "/relative", "#here"])(
  "%s is no link",
  (target) => {
    html(`[words](${target}) ![picture](${target})`);
    expect(view.element.querySelector("a, img")).toBeNull();
    expect(view.element.textContent).toContain("words");
  },
);

test("links open apart, and pictures are links, so that nothing is fetched", () => {
  html("[words](https://example.com/) ![picture](https://example.com/p.png)");
  const links = [...view.element.querySelectorAll("a")];
  expect(links.map(({ href, target, rel }) => [href, target, rel])).toEqual([
    ["https://example.com/", "_blank", "noopener noreferrer"],
    ["https://example.com/p.png", "_blank", "noopener noreferrer"],
  ]);
});

test("a growing text closes what it has opened, and draws only its last block anew", () => {
  html("first\n\nsecond **bo", true);
  const [first, second] = view.element.children;
  expect(second!.innerHTML).toBe("second <strong>bo</strong>");
  html("first\n\nsecond **bold** end", false);
  expect(view.element.children[0]).toBe(first);
  expect(view.element.children[1]!.innerHTML).toBe("second <strong>bold</strong> end");
  html("first", false);
  expect(view.element.children).toHaveLength(1);
});
