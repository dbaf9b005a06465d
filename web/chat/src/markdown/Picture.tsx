import { useState } from "react";
import { Icon } from "../chrome/Icon.tsx";

/**
 * An image from an answer. Picture data is shown at once; one on another server only when the visitor asks for it,
 * because fetching it tells that server about the visit, and whatever the answer has put into the address.
 */
export function Picture({ url, alt }: { url: string | undefined; alt: string }) {
  const [wanted, setWanted] = useState(false);
  if (!url) return <span className="picture-missing">{alt || "image"}</span>;
  if (url.startsWith("data:") || wanted) return <img src={url} alt={alt} referrerPolicy="no-referrer" loading="lazy" />;
  return (
    <button type="button" className="button picture-ask" data-testid="load-image" onClick={() => setWanted(true)}>
      <Icon name="image" size={16} />
      <span>
        Load image{alt && ` “${alt}”`} from {new URL(url).host}
      </span>
    </button>
  );
}
