import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { Markdown } from "../src/markdown/Markdown.tsx";

const html = (text: string, streaming = false) => renderToStaticMarkup(<Markdown text={text} streaming={streaming} />);

test("Markdown becomes elements", () => {
  expect(html("**b** `c`\n\n| x |\n|---|\n| y |")).toContain("<strong>b</strong>");
  expect(html("| x |\n|---|\n| y |")).toContain("<td>y</td>");
});

test.each([
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<iframe src=https://example.com></iframe>",
  "<b onclick=alert(1)>b</b>",
])("raw HTML %s never becomes an element", (text) => {
  expect(html(`before ${text} after`)).not.toMatch(/<(script|img|iframe|b)\b/);
});

test.each(["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "/admin", "//evil.example"])(
  "a link to %s is shown without a target",
  (target) => {
    expect(html(`[words](${target})`)).not.toContain("href");
    expect(html(`[words](${target})`)).toContain("words");
  },
);

test("a link opens in a new tab that cannot reach back", () => {
  expect(html("[a](https://example.com/x)")).toContain(
    '<a href="https://example.com/x" target="_blank" rel="noopener noreferrer">a</a>',
  );
});

test("an image on another server is not fetched before the visitor asks", () => {
  const shown = html("![cat](https://example.com/cat.png)");
  expect(shown).not.toContain("<img");
  expect(shown).toContain("example.com");
});

test("picture data is shown, other data is not", () => {
  expect(html("![dot](data:image/png;base64,AAAA)")).toContain('<img src="data:image/png;base64,AAAA"');
  expect(html("![page](data:text/html,x)")).not.toContain("<img");
  expect(html("![plain](http://example.com/x.png)")).not.toContain("<img");
});

test("what is still unfinished is completed while it streams", () => {
  expect(html("this is **bo", true)).toContain("<strong>bo</strong>");
  expect(html("see [the words](https://exam", true)).not.toContain("https://exam");
});

test("headings of an answer begin below those of the page", () => {
  expect(html("# A\n\n###### B")).toContain("<h3");
  expect(html("# A\n\n###### B")).not.toMatch(/<h[12]\b/);
});

test("the boxes of a task list have names", () => {
  const shown = html("- [x] a\n- [ ] b");
  expect(shown).toContain('aria-label="done"');
  expect(shown).toContain('aria-label="open"');
});

test("a code block names its language and can be copied", () => {
  const shown = html("```python\nx = 1\n```");
  expect(shown).toContain("<span>python</span>");
  expect(shown).toContain('data-testid="copy-code"');
});
