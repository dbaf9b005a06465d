import { defaultSchema, type Options as Schema } from "rehype-sanitize";

const SAFE_LINK = /^(?:https?:|mailto:|tel:)/i;
const SAFE_IMAGE = /^(?:https:\/\/|data:image\/(?:png|jpe?g|gif|webp|avif|svg\+xml)[;,])/i;

/** Link targets a model may write: web, mail, telephone. Everything else is dropped, relative addresses too. */
export function safeLink(url: string | undefined): string | undefined {
  return url && SAFE_LINK.test(url) ? url : undefined;
}

/** Image addresses a model may write: `https:` and picture data. */
export function safeImage(url: string | undefined): string | undefined {
  return url && SAFE_IMAGE.test(url) ? url : undefined;
}

/** What Markdown may become. Raw HTML is never parsed, so this is the second door, not the first. */
export const schema: Schema = {
  ...defaultSchema,
  clobberPrefix: "", // The Markdown parser has put its own prefix before ids already.
  protocols: { ...defaultSchema.protocols, href: ["http", "https", "mailto", "tel"], src: ["https", "data"] },
};
