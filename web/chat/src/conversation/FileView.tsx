import { Icon } from "../chrome/Icon.tsx";
import { Picture } from "../markdown/Picture.tsx";
import { safeImage } from "../markdown/policy.ts";

/** A file that belongs to a message: pictures are shown, everything else can be saved. */
export function FileView({ url, mediaType, filename }: { url: string; mediaType: string; filename?: string }) {
  const name = filename || mediaType;
  if (mediaType.startsWith("image/")) {
    return (
      <figure className="file-picture" data-testid="file">
        <Picture url={safeImage(url)} alt={filename ?? "Image"} />
      </figure>
    );
  }
  const target = /^(?:https?:|data:|blob:)/i.test(url) ? url : undefined;
  return (
    <a className="file" data-testid="file" href={target} download={name} target="_blank" rel="noopener noreferrer">
      <Icon name="file" size={16} />
      <span>{name}</span>
    </a>
  );
}
