import { Logo } from "cutty-chat/chrome/Logo.tsx";
import { type FormEvent, useEffect, useRef, useState } from "react";
import type { Problem } from "../api/problem.ts";
import { ProblemView } from "../chrome/ProblemView.tsx";

interface Props {
  busy: boolean;
  problem: Problem | null;
  onToken: (token: string) => void;
}

/** Asks for the operator's token, or a JWT with the scopes for the console. */
export function SignIn({ busy, problem, onToken }: Props) {
  const [shown, setShown] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · Cutty console";
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    // Read from the page, because password managers fill fields without telling.
    const token = (field.current?.value ?? "").trim().replace(/^Bearer\s+/i, "");
    if (token && !busy) onToken(token);
  };

  return (
    <main className="signin">
      <form className="signin-card" onSubmit={submit} data-testid="signin">
        <Logo size={44} />
        <h1>Cutty console</h1>
        <p>See every session of this server, what it does and what it costs, and act.</p>
        <label className="field">
          <span>Operator’s token, or a JWT</span>
          <span className="field-row">
            <input
              ref={field}
              type={shown ? "text" : "password"}
              data-testid="token"
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              autoFocus
              required
              aria-describedby="token-hint"
            />
            <button type="button" className="button" onClick={() => setShown(!shown)} aria-pressed={shown}>
              {shown ? "Hide" : "Show"}
            </button>
          </span>
        </label>
        {problem && <ProblemView problem={problem} />}
        <button type="submit" className="button button-primary button-large" disabled={busy} data-testid="signin-submit">
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p className="hint" id="token-hint">
          The token lies in <code>admin.token</code> in the server’s data directory, unless <code>CUTTY_ADMIN_TOKEN</code>{" "}
          sets another. A JWT of the server’s identity works too when its scopes hold <code>cutty:view</code>, and{" "}
          <code>cutty:act</code> for actions. It stays in this tab until the tab is closed or you sign out.
        </p>
      </form>
    </main>
  );
}
