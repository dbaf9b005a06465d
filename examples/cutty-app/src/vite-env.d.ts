interface ImportMetaEnv {
  /** Which state the page begins in: `before` or `after`. */
  readonly VITE_CHAT?: string;
  /** Where cutty-agent listens. */
  readonly VITE_AGENT_URL?: string;
  /** Where the old chat server listens. */
  readonly VITE_BEFORE_URL?: string;
}
