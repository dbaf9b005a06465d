import { newSession } from "cutty-session";
import { Suspense, useCallback, useState } from "react";
import { ErrorBoundary } from "./chrome/ErrorBoundary.tsx";
import { ImpossibleSession } from "./chrome/ImpossibleSession.tsx";
import { PageSkeleton } from "./chrome/PageSkeleton.tsx";
import { Unreachable } from "./chrome/Unreachable.tsx";
import { Conversation } from "./conversation/Conversation.tsx";
import {
  agentUrl,
  namesImpossibleSession,
  ownSessionUrl,
  wantedAgent,
  wantsSharedSession,
} from "./session/address.ts";
import { useServerInfo } from "./session/info.ts";
import { useSessionId } from "./session/use-session-id.ts";

/** Finds out what the server offers and which session this tab has, then shows the conversation. */
export function App() {
  const { info, failure, retry } = useServerInfo();
  const [sessionId, setSessionId] = useSessionId();
  const [shared, setShared] = useState(wantsSharedSession);
  const [impossible, setImpossible] = useState(namesImpossibleSession);

  const renew = useCallback(() => {
    history.replaceState(null, "", ownSessionUrl());
    setShared(false);
    setImpossible(false);
    void newSession().then(setSessionId);
  }, [setSessionId]);

  if (impossible) return <ImpossibleSession onNewSession={renew} />;
  if (failure) return <Unreachable failure={failure} onRetry={retry} />;
  if (!info || !sessionId) return <PageSkeleton />;

  const agent = info.agents.find(({ name }) => name === wantedAgent()) ?? info.agents[0];
  if (!agent) {
    return <Unreachable failure="The server has no agents. Register one, for example App([Chat])." onRetry={retry} />;
  }
  return (
    // A new key is a new conversation: nothing of the old session may stay on the page.
    <ErrorBoundary key={`${agent.name}/${sessionId}`}>
      <Suspense fallback={<PageSkeleton />}>
        <Conversation
          agent={agent}
          agents={info.agents}
          version={info.version}
          sessionId={sessionId}
          shared={shared}
          onNewSession={renew}
          onChooseAgent={(name) => location.assign(agentUrl(name))}
        />
      </Suspense>
    </ErrorBoundary>
  );
}
