import { hrefTo } from "../routing/route.ts";
import { PageHead } from "./PageHead.tsx";

/** For an address that leads nowhere. */
export function NotFound() {
  return (
    <>
      <PageHead title="There is no such view" />
      <p className="empty">
        The address may have been cut off. <a href={hrefTo(["overview"])}>Go to the overview</a> or{" "}
        <a href={hrefTo(["sessions"])}>find a session</a>.
      </p>
    </>
  );
}
