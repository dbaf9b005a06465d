import { Logo } from "cutty-chat/chrome/Logo.tsx";
import { useTheme } from "cutty-chat/chrome/theme.ts";
import { useMemo, useState } from "react";
import { useAccess } from "./api/use-api.ts";
import { AuditPage } from "./audit/AuditPage.tsx";
import { Icon, type IconName } from "./chrome/Icon.tsx";
import { KeyboardHelp } from "./chrome/KeyboardHelp.tsx";
import { NotFound } from "./chrome/NotFound.tsx";
import { useShortcuts } from "./chrome/shortcuts.ts";
import { ConfigPage } from "./config/ConfigPage.tsx";
import { LimitsPage } from "./limits/LimitsPage.tsx";
import { OverviewPage } from "./overview/OverviewPage.tsx";
import { PrincipalPage } from "./principals/PrincipalPage.tsx";
import { PrincipalsPage } from "./principals/PrincipalsPage.tsx";
import { hrefTo, type Route } from "./routing/route.ts";
import { goTo, useRoute } from "./routing/use-route.ts";
import { SessionPage } from "./session/SessionPage.tsx";
import { SessionsPage } from "./sessions/SessionsPage.tsx";

const VIEWS: { path: IconName & string; name: string; short: string }[] = [
  { path: "overview", name: "Overview", short: "Overview" },
  { path: "sessions", name: "Sessions", short: "Sessions" },
  { path: "principals", name: "Principals", short: "People" },
  { path: "limits", name: "Limits", short: "Limits" },
  { path: "audit", name: "Audit log", short: "Audit" },
  { path: "config", name: "Configuration", short: "Config" },
];

/** The frame around every view: where one can go, who one is, and the keys. */
export function Shell({ onSignOut }: { onSignOut: () => void }) {
  const route = useRoute();
  const { me, mayAct } = useAccess();
  const [theme, toggleTheme] = useTheme();
  const [helping, setHelping] = useState(false);
  const [loads, setLoads] = useState(0);

  const shortcuts = useMemo(
    () => ({
      go: (path: string) => goTo(hrefTo([path])),
      search: () => {
        goTo(hrefTo(["sessions"]));
        // After the view is there; the field takes the focus itself when it is new.
        requestAnimationFrame(() => document.querySelector<HTMLInputElement>("[data-search]")?.focus());
      },
      help: () => setHelping(true),
      refresh: () => setLoads((was) => was + 1),
    }),
    [],
  );
  useShortcuts(shortcuts);
  const key = `${route.path.join("/")} ${loads}`;

  return (
    <div className="shell">
      <a className="skip-link" href={location.hash} onClick={(event) => skip(event)}>
        Skip to the content
      </a>
      <header className="top">
        <a className="brand" href={hrefTo(["overview"])}>
          <Logo size={30} />
          <span>Cutty console</span>
        </a>
        <div className="who" data-testid="who">
          <span className="who-actor" title={me.actor}>
            {me.actor}
          </span>
          <span className={mayAct ? "badge" : "badge badge-warn"} data-testid="scopes">
            {mayAct ? "view and act" : "view only"}
          </span>
        </div>
        <div className="top-actions">
          <button type="button" className="icon-button only-wide" aria-label="Keyboard" title="Keyboard (?)" onClick={() => setHelping(true)}>
            <Icon name="keyboard" />
          </button>
          <button
            type="button"
            className="icon-button"
            data-testid="theme"
            aria-label={theme === "dark" ? "Light colours" : "Dark colours"}
            title={theme === "dark" ? "Light colours" : "Dark colours"}
            onClick={toggleTheme}
          >
            <Icon name={theme === "dark" ? "sun" : "moon"} />
          </button>
          <button type="button" className="icon-button" data-testid="sign-out" aria-label="Sign out" title="Sign out" onClick={onSignOut}>
            <Icon name="signOut" />
          </button>
        </div>
      </header>
      <nav className="nav" aria-label="Views">
        <ul>
          {VIEWS.map(({ path, name, short }) => (
            <li key={path}>
              <a href={hrefTo([path])} aria-current={route.path[0] === path ? "page" : undefined} data-testid={`nav-${path}`}>
                <Icon name={path} />
                <span className="nav-long">{name}</span>
                <span className="nav-short" aria-hidden="true">
                  {short}
                </span>
              </a>
            </li>
          ))}
        </ul>
        <p className="version">cutty-agent {me.version}</p>
      </nav>
      <main className="main" id="main" tabIndex={-1}>
        <View key={key} route={route} theme={theme} />
      </main>
      {helping && <KeyboardHelp onClose={() => setHelping(false)} />}
    </div>
  );
}

function View({ route, theme }: { route: Route; theme: string }) {
  const [view, one, two, ...rest] = route.path;
  if (rest.length === 0) {
    if (view === "sessions" && one && two) return <SessionPage agent={one} id={two} />;
    if (view === "principals" && one && !two) return <PrincipalPage id={one} />;
    if (!one) {
      if (view === "overview") return <OverviewPage theme={theme} />;
      if (view === "sessions") return <SessionsPage />;
      if (view === "principals") return <PrincipalsPage />;
      if (view === "limits") return <LimitsPage />;
      if (view === "audit") return <AuditPage />;
      if (view === "config") return <ConfigPage />;
    }
  }
  return <NotFound />;
}

function skip(event: { preventDefault: () => void }): void {
  event.preventDefault(); // The part behind # is the view, so the focus is moved by hand.
  document.getElementById("main")?.focus();
}
