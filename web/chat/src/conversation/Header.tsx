import type { RefObject } from "react";
import { Icon } from "../chrome/Icon.tsx";
import { Logo } from "../chrome/Logo.tsx";
import { useTheme } from "../chrome/theme.ts";
import type { AgentInfo } from "../session/info.ts";
import type { Activity } from "./activity.ts";

interface Props {
  agent: AgentInfo;
  agents: AgentInfo[];
  activity: Activity;
  shared: boolean;
  canClear: boolean;
  debugOpen: boolean;
  debugToggle: RefObject<HTMLButtonElement | null>;
  onChooseAgent: (name: string) => void;
  onNewSession: () => void;
  onClear: () => void;
  onToggleDebug: () => void;
}

/** Who answers, how the connection is, and what can be done with the session as a whole. */
export function Header(props: Props) {
  const { agent, agents, activity, shared, debugOpen } = props;
  const [theme, toggleTheme] = useTheme();
  return (
    <header className="header">
      <div className="brand">
        <Logo size={30} />
        <div className="brand-text">
          {agents.length > 1 ? (
            <>
              <h1 className="visually-hidden">{agent.title}</h1>
              <select
                className="agent-choice"
                aria-label="Agent"
                value={agent.name}
                onChange={({ target }) => props.onChooseAgent(target.value)}
              >
                {agents.map(({ name, title }) => (
                  <option key={name} value={name}>
                    {title}
                  </option>
                ))}
              </select>
            </>
          ) : (
            <h1>{agent.title}</h1>
          )}
          <span className="status" role="status" data-testid="status" data-state={activity.state}>
            <span className="status-dot" aria-hidden="true" />
            {activity.label}
          </span>
        </div>
      </div>
      <div className="badges">
        {agent.demo ? (
          <span
            className="badge badge-demo"
            data-testid="demo-badge"
            title="No model key is set on the server. Answers are written in advance."
          >
            Demo model
            <span className="badge-more"> · no key set</span>
          </span>
        ) : (
          agent.model && <span className="badge badge-model">{agent.model}</span>
        )}
        {shared && (
          <span
            className="badge"
            data-testid="shared-badge"
            title="Another window may show and use this session too."
          >
            Shared session
          </span>
        )}
      </div>
      <nav className="header-actions" aria-label="Session">
        <button
          type="button"
          className="icon-button"
          data-testid="new-session"
          onClick={props.onNewSession}
          aria-label="New session"
          title="New session: start again in this tab"
        >
          <Icon name="plus" />
        </button>
        <button
          type="button"
          className="icon-button"
          data-testid="clear"
          onClick={props.onClear}
          disabled={!props.canClear}
          aria-label="Clear the conversation"
          title="Clear the conversation"
        >
          <Icon name="trash" />
        </button>
        <button
          type="button"
          className="icon-button"
          data-testid="theme"
          onClick={toggleTheme}
          aria-label={theme === "dark" ? "Use light colours" : "Use dark colours"}
          title={theme === "dark" ? "Use light colours" : "Use dark colours"}
        >
          <Icon name={theme === "dark" ? "sun" : "moon"} />
        </button>
        <button
          type="button"
          className="icon-button"
          ref={props.debugToggle}
          data-testid="debug-toggle"
          onClick={props.onToggleDebug}
          aria-expanded={debugOpen}
          aria-controls={debugOpen ? "debug-panel" : undefined}
          aria-label="Debug panel"
          aria-keyshortcuts="Control+. Meta+."
          title="Debug panel (Ctrl/Cmd + .)"
        >
          <Icon name="bug" />
        </button>
      </nav>
    </header>
  );
}
