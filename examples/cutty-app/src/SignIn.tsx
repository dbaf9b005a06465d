import { type FormEvent, useState } from "react";
import { signIn, type User } from "./api.ts";

const DEMO_USERS = ["Ada", "Bela", "Cleo"];

/** Demo users have no passwords. A real application has its own sign-in here. */
export function SignIn({ onSignedIn }: { onSignedIn: (user: User) => void }) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const enter = (who: string) =>
    void signIn(who).then(onSignedIn, (error: Error) => setProblem(error.message));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    enter(name);
  };
  return (
    <main className="card sign-in">
      <h2>Who are you?</h2>
      <p className="hint">This is an example: there are no passwords, and everybody may be anybody.</p>
      <div className="row">
        {DEMO_USERS.map((who) => (
          <button key={who} onClick={() => enter(who)}>
            {who}
          </button>
        ))}
      </div>
      <form className="row" onSubmit={submit}>
        <input aria-label="Another name" placeholder="Another name" value={name} onChange={(event) => setName(event.target.value)} />
        <button className="primary" disabled={!name.trim()}>
          Sign in
        </button>
      </form>
      {problem && <p className="problem" role="alert">{problem}</p>}
    </main>
  );
}
