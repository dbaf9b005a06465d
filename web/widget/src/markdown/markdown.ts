import { lexer, type Token, type Tokens } from "marked";
import remend from "remend";
import { decodeEntities } from "./entities.ts";

const SAFE_LINK = /^(?:https?:|mailto:|tel:)/i;

/**
 * Shows Markdown in an element, and shows it again as the text grows: only blocks that have changed are drawn anew.
 *
 * The parser's tokens become elements one by one. No text is ever read as HTML, so nothing has to be cleaned: raw HTML
 * of an answer appears as the characters it is made of.
 */
export class MarkdownView {
  readonly element: HTMLElement;
  #drawn: string[] = [];

  constructor(element: HTMLElement) {
    this.element = element;
  }

  /** `growing` closes what an unfinished text has left open, so that `**bo` does not show its stars. */
  show(text: string, growing: boolean): void {
    const tokens = lexer(growing ? remend(text, { linkMode: "text-only" }) : text).filter(({ type }) => type !== "space");
    for (const [at, token] of tokens.entries()) {
      if (this.#drawn[at] === token.raw) continue;
      this.#drawn[at] = token.raw;
      const block = drawBlock(token);
      const old = this.element.childNodes[at];
      if (old) old.replaceWith(block);
      else this.element.append(block);
    }
    this.#drawn.length = tokens.length;
    while (this.element.childNodes.length > tokens.length) this.element.lastChild!.remove();
  }
}

function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  content: Iterable<Node | string> = [],
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  element.append(...content);
  return element;
}

function drawBlock(token: Token): Node {
  switch (token.type) {
    case "heading":
      // The panel has a heading of its own: those of an answer begin below.
      return make(`h${Math.min((token as Tokens.Heading).depth + 2, 6)}` as "h3", inline(token));
    case "code":
      return codeBlock(token as Tokens.Code);
    case "blockquote":
      return make("blockquote", blocks((token as Tokens.Blockquote).tokens));
    case "list":
      return list(token as Tokens.List);
    case "table":
      return table(token as Tokens.Table);
    case "hr":
      return make("hr");
    case "paragraph":
      return make("p", inline(token));
    case "text":
      return make("span", inline(token)); // In the items of a tight list.
    case "def":
      return document.createTextNode("");
    default:
      return make("p", [token.raw]);
  }
}

function blocks(tokens: Token[]): Node[] {
  return tokens.filter(({ type }) => type !== "space").map(drawBlock);
}

function codeBlock({ text, lang }: Tokens.Code): Node {
  const block = make("pre", [make("code", [text])]);
  block.tabIndex = 0; // Its sides are reached with the arrow keys.
  block.setAttribute("role", "region");
  block.setAttribute("aria-label", lang ? `Code, ${lang}` : "Code");
  return block;
}

function list({ ordered, start, items }: Tokens.List): Node {
  const element = make(
    ordered ? "ol" : "ul",
    items.map((item) => {
      const content = blocks(item.tokens);
      if (!item.task) return make("li", content);
      const box = make("input");
      box.type = "checkbox";
      box.checked = item.checked === true;
      box.disabled = true;
      box.setAttribute("aria-label", item.checked ? "done" : "open");
      return make("li", [box, ...content]);
    }),
  );
  if (element instanceof HTMLOListElement && typeof start === "number" && start !== 1) element.start = start;
  return element;
}

function table({ header, rows, align }: Tokens.Table): Node {
  const row = (cells: Tokens.TableCell[], name: "th" | "td"): Node =>
    make(
      "tr",
      cells.map((cell, column) => {
        const element = make(name, inline(cell));
        const side = align[column];
        if (side) element.className = side;
        return element;
      }),
    );
  const scroll = make("div", [
    make("table", [make("thead", [row(header, "th")]), make("tbody", rows.map((cells) => row(cells, "td")))]),
  ]);
  scroll.className = "table";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Table");
  return scroll;
}

function inline(token: { tokens?: Token[]; raw?: string; text?: string }): Node[] {
  return (token.tokens ?? []).map(drawInline);
}

function drawInline(token: Token): Node {
  switch (token.type) {
    case "strong":
      return make("strong", inline(token));
    case "em":
      return make("em", inline(token));
    case "del":
      return make("del", inline(token));
    case "codespan":
      return make("code", [(token as Tokens.Codespan).text]);
    case "br":
      return make("br");
    case "link":
      return link((token as Tokens.Link).href, inline(token));
    case "image":
      // Fetching it would tell its server whatever the answer has put into the address; a link waits for a click.
      return link((token as Tokens.Image).href, [`🖼 ${(token as Tokens.Image).text || "image"}`]);
    case "checkbox":
      return document.createTextNode("");
    case "text":
      return document.createTextNode(decodeEntities((token as Tokens.Text).text));
    case "escape":
      return document.createTextNode((token as Tokens.Escape).text);
    default:
      return document.createTextNode(token.raw);
  }
}

/** A link to the web, to mail or to a telephone; of anything else, relative addresses too, only the words stay. */
function link(target: string, content: (Node | string)[]): Node {
  if (!SAFE_LINK.test(target)) return make("span", content);
  const element = make("a", content);
  element.href = target;
  element.target = "_blank";
  element.rel = "noopener noreferrer";
  return element;
}
