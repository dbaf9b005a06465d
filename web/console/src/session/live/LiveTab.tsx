import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Icon } from "../../chrome/Icon.tsx";
import { ProblemView } from "../../chrome/ProblemView.tsx";
import { fileName, saveFile } from "../../chrome/save-file.ts";
import { count } from "../../format/format.ts";
import { matches } from "../frame-lines.ts";
import { FrameView } from "./FrameView.tsx";
import { useTail } from "./use-tail.ts";

const STATES = { connecting: "Connecting…", live: "Live", ended: "Ended" } as const;
/** Frames that are drawn; the filter looks through all that are kept. */
const DRAWN = 400;

/** The frames that visitors of this session get, as they pass. */
export function LiveTab({ agent, id }: { agent: string; id: string }) {
  const { log, state, problem, again } = useTail(agent, id);
  const frames = useSyncExternalStore(log.subscribe, log.frames);
  const [paused, setPaused] = useState(false);
  const [filter, setFilter] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const following = useRef(true);
  const shown = useMemo(() => frames.filter(({ text }) => matches(text, filter)), [frames, filter]);

  useEffect(() => {
    if (list.current && following.current) list.current.scrollTop = list.current.scrollHeight;
  }, [shown]);

  return (
    <section aria-label="Live frames" data-testid="live-tab" data-state={state}>
      <div className="tab-tools">
        <span className={`mark mark-${state === "live" ? "answering" : "asleep"}`} role="status">
          {paused ? "Paused" : STATES[state]}
        </span>
        <input
          className="input"
          type="search"
          aria-label="Filter: words that must be there; with - before it, must not"
          placeholder="Filter, for example text-delta -replay"
          data-testid="frame-filter"
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
        <button
          type="button"
          className="button button-small"
          aria-pressed={paused}
          data-testid="frame-pause"
          onClick={() => {
            log.setPaused(!paused);
            setPaused(!paused);
          }}
        >
          <Icon name={paused ? "play" : "park"} size={14} />
          {paused ? "Go on" : "Pause"}
        </button>
        <button type="button" className="button button-small" data-testid="frame-clear" onClick={() => log.clear()}>
          Clear
        </button>
        <button
          type="button"
          className="button button-small"
          disabled={frames.length === 0}
          onClick={() => saveFile(fileName(id, "jsonl"), new Blob([log.text()], { type: "application/x-ndjson" }))}
        >
          <Icon name="download" size={14} />
          Save
        </button>
        {state === "ended" && (
          <button type="button" className="button button-small" onClick={again} data-testid="frame-again">
            <Icon name="redo" size={14} />
            Connect again
          </button>
        )}
        <span className="soft">
          {count(shown.length)} of {count(frames.length)}
        </span>
      </div>
      {problem && <ProblemView problem={problem} />}
      <ol
        className="frames"
        data-testid="frames"
        tabIndex={0}
        aria-label="Frames, oldest first"
        ref={list}
        onScroll={({ currentTarget }) => {
          following.current = currentTarget.scrollHeight - currentTarget.scrollTop - currentTarget.clientHeight < 24;
        }}
      >
        {shown.slice(-DRAWN).map((frame) => (
          <FrameView key={frame.number} frame={frame} />
        ))}
        {shown.length === 0 && <li className="frames-empty">{frames.length ? "No frame is like that." : "Nothing has passed yet."}</li>}
      </ol>
    </section>
  );
}
