import { Logo } from "../chrome/Logo.tsx";
import type { AgentInfo } from "../session/info.ts";

const DEMO_SUGGESTIONS = [
  "my name is Ada",
  "what is my name?",
  "weather in Oslo",
  "tell me a long story",
  "show markdown",
];

interface Props {
  agent: AgentInfo;
  /** Whether the address names the session, so that other windows may show it too. */
  shared: boolean;
  onSuggest: (text: string) => void;
}

/** The empty conversation: what this is, and for the demo model what it can show. */
export function Welcome({ agent, shared, onSuggest }: Props) {
  return (
    <section className="welcome" aria-label="Welcome" data-testid="welcome">
      <Logo size={56} />
      <h2>Say hello to {agent.title}</h2>
      <p>
        {shared ? "This conversation is the one its address names." : "This tab has a conversation of its own."} It is
        stored on the server: reload, lose the network or come back later, and it goes on where it was.
      </p>
      {agent.demo && (
        <div className="demo-card">
          <p>
            <strong>Demo model.</strong> No model key is set, so answers are written in advance. They show streaming,
            memory, tools and Markdown; set a key on the server to talk to a real model.
          </p>
          <ul className="chips" aria-label="Suggestions">
            {DEMO_SUGGESTIONS.map((text) => (
              <li key={text}>
                <button type="button" className="chip" data-testid="suggestion" onClick={() => onSuggest(text)}>
                  {text}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
