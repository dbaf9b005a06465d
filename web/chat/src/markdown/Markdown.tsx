import { type ComponentProps, memo } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import rehypeSanitize from "rehype-sanitize";
import remarkGfm from "remark-gfm";
import remend from "remend";
import { splitBlocks } from "./blocks.ts";
import { CodeBlock } from "./CodeBlock.tsx";
import { Picture } from "./Picture.tsx";
import { safeImage, safeLink, schema } from "./policy.ts";

/** Markdown as a model writes it: sanitised, and shown sensibly while its last block is still unfinished. */
export function Markdown({ text, streaming }: { text: string; streaming: boolean }) {
  const blocks = splitBlocks(text);
  return (
    <div className="prose">
      {blocks.map((block, index) => (
        <Block
          // Blocks only ever grow at the end, so the position names the block.
          key={index}
          text={streaming && index === blocks.length - 1 ? remend(block, { linkMode: "text-only" }) : block}
        />
      ))}
    </div>
  );
}

const Block = memo(function Block({ text }: { text: string }) {
  return (
    <ReactMarkdown
      remarkPlugins={[remarkGfm]}
      rehypePlugins={[[rehypeSanitize, schema]]}
      components={components}
      urlTransform={(url) => url} // The components below decide, because data: is right for images only.
    >
      {text}
    </ReactMarkdown>
  );
});

const components: Components = {
  a: ({ node: _node, href, children, ...rest }) => {
    if (href?.startsWith("#")) {
      return (
        <a href={href} {...rest}>
          {children}
        </a>
      );
    }
    const target = safeLink(href);
    if (!target) return <span>{children}</span>;
    return (
      <a href={target} target="_blank" rel="noopener noreferrer">
        {children}
      </a>
    );
  },
  // The page has used h1, and h2 for who said it: headings of an answer begin below.
  h1: ({ children }) => <h3 className="heading-1">{children}</h3>,
  h2: ({ children }) => <h4 className="heading-2">{children}</h4>,
  h3: ({ children }) => <h5 className="heading-3">{children}</h5>,
  h4: ({ children }) => <h6>{children}</h6>,
  h5: ({ children }) => <h6>{children}</h6>,
  input: ({ checked }) => (
    <input type="checkbox" checked={checked === true} disabled aria-label={checked ? "done" : "open"} />
  ),
  img: ({ src, alt }) => <Picture url={safeImage(typeof src === "string" ? src : undefined)} alt={alt ?? ""} />,
  pre: ({ node: _node, children }) => <CodeBlock>{children}</CodeBlock>,
  table: ({ node: _node, ...rest }: ComponentProps<"table"> & { node?: unknown }) => (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Table">
      <table {...rest} />
    </div>
  ),
};
