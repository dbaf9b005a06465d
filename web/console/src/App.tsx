import { useCallback, useEffect, useState } from "react";
import { Api, adminBase } from "./api/client.ts";
import { asProblem, type Problem } from "./api/problem.ts";
import type { Me } from "./api/types.ts";
import { type Access, AccessContext } from "./api/use-api.ts";
import { Bones } from "./chrome/Bones.tsx";
import { Notices } from "./chrome/notices.tsx";
import { Shell } from "./Shell.tsx";
import { SignIn } from "./signin/SignIn.tsx";
import { keepToken, keptToken } from "./signin/token.ts";

/** The console behind its sign-in. Any 401 leads back to it, and from there to the same view. */
export function App() {
  const [token, setToken] = useState(keptToken);
  const [access, setAccess] = useState<Access | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  const signOut = useCallback((why: Problem | null = null) => {
    keepToken(null);
    setToken(null);
    setAccess(null);
    setProblem(why);
  }, []);

  useEffect(() => {
    if (token === null) return;
    const abort = new AbortController();
    const api = new Api(token, adminBase(location.href), signOut);
    api.me(abort.signal).then(
      (me: Me) => {
        keepToken(token);
        setProblem(null);
        setAccess({ api, me, mayAct: me.scopes.includes("act") });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setToken(null); // A token that is kept stays kept unless the server refused it, which signOut sees to.
        setProblem(asProblem(error));
      },
    );
    return () => abort.abort();
  }, [token, signOut]);

  if (access) {
    return (
      <AccessContext value={access}>
        <Notices>
          <Shell onSignOut={() => signOut()} />
        </Notices>
      </AccessContext>
    );
  }
  if (token !== null && keptToken() !== null) {
    return (
      <main className="signin">
        <Bones />
      </main>
    );
  }
  return <SignIn busy={token !== null} problem={problem} onToken={setToken} />;
}
