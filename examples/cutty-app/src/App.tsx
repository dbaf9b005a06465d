import { useCallback, useEffect, useState } from "react";
import { signedIn, signOut, type User } from "./api.ts";
import { ChatPanel } from "./chat/ChatPanel.tsx";
import { type Choices, readChoices, writeChoices } from "./choices.ts";
import { Lists } from "./lists/Lists.tsx";
import { SignIn } from "./SignIn.tsx";
import { forgetToken } from "./token.ts";

/** The page: lists on the left, the chat about them on the right. */
export function App() {
  const [user, setUser] = useState<User | null>();
  const [choices, setChoices] = useState(readChoices);
  const [answers, setAnswers] = useState(0);
  const answered = useCallback(() => setAnswers((count) => count + 1), []);

  useEffect(() => void signedIn().then(setUser), []);

  const become = (somebody: User | null) => {
    forgetToken();
    setUser(somebody);
  };
  const choose = (chosen: Partial<Choices>) => {
    writeChoices({ ...choices, ...chosen });
    setChoices(readChoices());
  };

  if (user === undefined) return null;
  return (
    <>
      <header className="bar">
        <h1 className="logo">Cutty</h1>
        <nav className="switch" aria-label="State of the chat">
          {(["before", "after"] as const).map((chat) => (
            <button key={chat} aria-pressed={choices.chat === chat} onClick={() => choose({ chat })}>
              {chat}
            </button>
          ))}
        </nav>
        <span className="hint" data-testid="state">
          {choices.chat === "before" ? "one shared /api/chat for everybody" : "a session of its own"}
        </span>
        {user && (
          <span className="who">
            <span data-testid="user">{user.name}</span>
            <button className="quiet" onClick={() => void signOut().then(() => become(null))}>
              Sign out
            </button>
          </span>
        )}
      </header>
      {user ? (
        <main className="columns" key={user.id}>
          <Lists stale={answers} />
          <ChatPanel user={user} choices={choices} onChoose={choose} onAnswer={answered} />
        </main>
      ) : (
        <SignIn onSignedIn={become} />
      )}
    </>
  );
}
