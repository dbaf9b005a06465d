import { memo, useState } from "react";
import { bytes, clock } from "../../format/format.ts";
import { prettyJson } from "../json-text.ts";
import type { TailFrame } from "./tail-log.ts";

/** One frame in a line; opened, all of it. */
export const FrameView = memo(function FrameView({ frame }: { frame: TailFrame }) {
  const [open, setOpen] = useState(false);
  return (
    <li className="frame" data-type={frame.type}>
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>
          <time>{clock(frame.at, true)}</time>
          <span className="frame-type">
            <b>{frame.type}</b> {frame.detail}
          </span>
          <span className="frame-size">{bytes(frame.text.length)}</span>
        </summary>
        {open && <pre>{prettyJson(frame.text)}</pre>}
      </details>
    </li>
  );
});
