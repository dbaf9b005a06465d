import { memo, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { CopyButton } from "../chrome/CopyButton.tsx";
import { Icon } from "../chrome/Icon.tsx";
import { sharedSessionUrl } from "../session/address.ts";
import type { AgentInfo } from "../session/info.ts";
import type { ConnectionState } from "../session/socket.ts";
import type { Frame, FrameLog } from "./frame-log.ts";

interface Props {
  agent: AgentInfo;
  sessionId: string;
  connection: ConnectionState;
  version: string;
  log: FrameLog;
  onClose: () => void;
}

/** What an application developer wants to know about this session, and the frames of its connection as they pass. */
export function DebugPanel({ agent, sessionId, connection, version, log, onClose }: Props) {
  const frames = useSyncExternalStore(log.subscribe, log.frames);
  const [paused, setPaused] = useState(log.paused);
  const list = useRef<HTMLOListElement>(null);
  const following = useRef(true);

  useEffect(() => {
    if (list.current && following.current) list.current.scrollTop = list.current.scrollHeight;
  }, [frames]);

  return (
    <aside className="debug" aria-label="Debug panel" data-testid="debug-panel" id="debug-panel">
      <div className="debug-head">
        <h2>Debug</h2>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the debug panel">
          <Icon name="close" />
        </button>
      </div>
      <dl className="facts">
        <dt>Session</dt>
        <dd className="fact-with-action">
          <code data-testid="session-id">{sessionId}</code>
          <CopyButton what="session id" text={sessionId} testId="copy-session" />
        </dd>
        <dt>Agent</dt>
        <dd>
          <code>{agent.name}</code>
        </dd>
        <dt>Model</dt>
        <dd>
          <code>{agent.model || "unknown"}</code>
          {agent.demo && " (no key set)"}
        </dd>
        <dt>Connection</dt>
        <dd data-testid="debug-connection">{connection}</dd>
        <dt>Server</dt>
        <dd>{version || "unknown"}</dd>
      </dl>
      <p className="debug-link">
        <a
          href={sharedSessionUrl(agent.name, sessionId)}
          target="_blank"
          rel="noopener noreferrer"
          data-testid="shared-link"
        >
          Open a second window onto this session
          <Icon name="external" size={14} />
        </a>
      </p>
      <div className="frames-head">
        <h3>
          Frames <span className="count">{frames.length}</span>
        </h3>
        <button
          type="button"
          className="button button-quiet"
          data-testid="frames-pause"
          aria-pressed={paused}
          onClick={() => {
            log.setPaused(!paused);
            setPaused(!paused);
          }}
        >
          <Icon name={paused ? "play" : "pause"} size={14} />
          {paused ? "Resume" : "Pause"}
        </button>
        <button type="button" className="button button-quiet" data-testid="frames-clear" onClick={() => log.clear()}>
          Clear
        </button>
      </div>
      <ol
        className="frames"
        data-testid="frames"
        tabIndex={0}
        aria-label="Frames of the connection, oldest first"
        ref={list}
        onScroll={({ currentTarget }) => {
          following.current =
            currentTarget.scrollHeight - currentTarget.scrollTop - currentTarget.clientHeight < 24;
        }}
      >
        {frames.map((frame) => (
          <FrameRow key={frame.number} frame={frame} />
        ))}
        {frames.length === 0 && <li className="frames-empty">Nothing has passed yet.</li>}
      </ol>
    </aside>
  );
}

const FrameRow = memo(function FrameRow({ frame }: { frame: Frame }) {
  const [open, setOpen] = useState(false);
  return (
    <li className="frame" data-direction={frame.direction}>
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>
          <span className="frame-direction" aria-label={frame.direction === "in" ? "received" : "sent"}>
            {frame.direction === "in" ? "↓" : "↑"}
          </span>
          <time>{clockTime(frame.time)}</time>
          <span className="frame-type">
            {frame.detail && <span className="frame-detail">{frame.detail} </span>}
            <span className="frame-name">{frame.type}</span>
          </span>
          <span className="frame-size">{byteSize(frame.size)}</span>
        </summary>
        {open && <pre>{pretty(frame.text)}</pre>}
      </details>
    </li>
  );
});

function clockTime(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  const milliseconds = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

function byteSize(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KB`;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
