import { Suspense } from "react";
import type { User } from "../api.ts";
import { type Choices, SERVERS } from "../choices.ts";
import { type Scope, useAdmission, useSession } from "../session.ts";
import { ChatBot as ChatBotAfter } from "./after/ChatBot.tsx";
import { ChatBot as ChatBotBefore } from "./before/ChatBot.tsx";
import { Failure } from "./Failure.tsx";
import { ChatBotPlain } from "./plain/ChatBotPlain.jsx";
import { Widget } from "./widget/Widget.tsx";

const SCOPES: Record<Scope, string> = {
  tab: "this tab",
  browser: "this browser",
  user: "this browser, id with the user",
  server: "this tab, id from the server",
};

interface Props {
  user: User;
  choices: Choices;
  onChoose: (chosen: Partial<Choices>) => void;
  onAnswer: () => void;
}

/** The chat, in the chosen state, variant and scope. */
export function ChatPanel({ user, choices, onChoose, onAnswer }: Props) {
  const after = choices.chat === "after";
  return (
    <section className="card chat" aria-label="Chat">
      <div className="row">
        <label>
          by{" "}
          <select
            data-testid="variant"
            value={choices.variant}
            onChange={(event) => onChoose({ variant: event.target.value as Choices["variant"] })}
          >
            <option value="hooks">React hooks</option>
            {after && <option value="websocket">plain WebSocket</option>}
            <option value="fetch">plain fetch</option>
            {after && <option value="widget">the widget</option>}
          </select>
        </label>
        {after && (
          <label>
            one conversation for{" "}
            <select
              data-testid="scope"
              value={choices.scope}
              onChange={(event) => onChoose({ scope: event.target.value as Scope })}
            >
              {Object.entries(SCOPES).map(([scope, words]) => (
                <option key={scope} value={scope}>
                  {words}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <Failure key={`${choices.chat} ${choices.variant} ${choices.scope}`}>
        {after ? (
          <After key={choices.scope} user={user} choices={choices} onAnswer={onAnswer} />
        ) : (
          <Before choices={choices} onAnswer={onAnswer} />
        )}
      </Failure>
    </section>
  );
}

function Before({ choices, onAnswer }: Pick<Props, "choices" | "onAnswer">) {
  const address = `${SERVERS.before}/api/chat`;
  return (
    <>
      <Address text={address} />
      {choices.variant === "hooks" ? (
        <ChatBotBefore agentUrl={SERVERS.before} onAnswer={onAnswer} />
      ) : (
        <ChatBotPlain key={address} url={address} historyUrl={address} transport="fetch" onAnswer={onAnswer} />
      )}
    </>
  );
}

function After({ user, choices, onAnswer }: Pick<Props, "user" | "choices" | "onAnswer">) {
  const admitted = useAdmission();
  if (!admitted) return null;
  if (choices.variant === "widget") return <Widget user={user} scope={choices.scope} onAnswer={onAnswer} />;
  return <Session user={user} choices={choices} onAnswer={onAnswer} />;
}

function Session({ user, choices, onAnswer }: Pick<Props, "user" | "choices" | "onAnswer">) {
  const { id: sessionId, error, newSession } = useSession(user.id, choices.scope);
  if (error) throw error;
  if (!sessionId) return null;
  const address = `${SERVERS.after}/agents/chat/${sessionId}`;
  return (
    <>
      <Address text={address}>
        <button className="quiet" data-testid="new-session" onClick={() => void newSession()}>
          New conversation
        </button>
      </Address>
      <Suspense fallback={<p className="empty">Loading…</p>}>
        {choices.variant === "hooks" ? (
          <ChatBotAfter key={sessionId} agentUrl={SERVERS.after} sessionId={sessionId} onAnswer={onAnswer} />
        ) : (
          <ChatBotPlain
            key={sessionId}
            url={address}
            historyUrl={`${address}/get-messages`}
            transport={choices.variant === "fetch" ? "fetch" : "websocket"}
            onAnswer={onAnswer}
          />
        )}
      </Suspense>
    </>
  );
}

export function Address({ text, children }: { text: string; children?: React.ReactNode }) {
  return (
    <div className="row address">
      <code data-testid="address">{text}</code>
      {children}
    </div>
  );
}
