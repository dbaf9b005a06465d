/** What the operator's API answers. Times are milliseconds since 1970 UTC, money is in billionths of a US dollar. */

export type Scope = "view" | "act";

export interface Me {
  actor: string;
  scopes: Scope[];
  version: string;
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

export interface Sums {
  turns: number;
  errors: number;
  aborted: number;
  messages: number;
  sessions_created: number;
  sessions_active: number;
  sessions_returning: number;
  sessions_expired: number;
  input_tokens: number;
  output_tokens: number;
  cost_nano: number;
  first_ms: Percentiles | null;
  duration_ms: Percentiles | null;
  peak_running: number;
  peak_sockets: number;
}

export interface Point extends Sums {
  at: number;
}

export interface Now {
  sockets: number;
  awake: number;
  running: number;
  queued: number;
  sessions: number;
  parked: number;
  uptime_s: number;
  started_ms: number;
}

export interface Overview {
  from: number;
  to: number;
  step: "hour" | "day";
  points: Point[];
  totals: Sums;
  now: Now;
}

export interface UsageRow {
  key: string;
  turns: number;
  errors: number;
  aborted: number;
  input_tokens: number;
  output_tokens: number;
  cost_nano: number;
  calls: number;
  tools: number;
  mean_first_ms: number | null;
  mean_duration_ms: number | null;
}

export interface UsagePage {
  rows: UsageRow[];
  next: string | null;
}

export interface SessionRow {
  agent: string;
  id: string;
  owner: string;
  created_ms: number;
  active_ms: number;
  expires_ms: number | null;
  messages: number;
  turns: number;
  errors: number;
  input_tokens: number;
  output_tokens: number;
  cost_nano: number;
  open_turns: number;
  parked: string | null;
  awake: boolean;
  sockets: number;
  /** The id of the turn that runs. */
  running: string | null;
}

export interface SessionPage {
  sessions: SessionRow[];
  next: string | null;
}

export interface Share {
  mode: "read" | "write";
  created_ms: number;
  expires_ms: number | null;
}

export interface Lifetime {
  created_ms: number;
  active_ms: number;
  expires_ms: number | null;
  idle_s: number | null;
  max_age_s: number | null;
}

export interface Connection {
  id: string;
  principal: string;
  peer: string;
  right: string;
  dialect: string;
  since_ms: number;
  buffered: number;
}

export interface Span {
  kind: "model" | "tool";
  name: string;
  start_ms: number;
  end_ms: number | null;
  error?: string | null;
}

export interface Turn {
  id: string;
  open: boolean;
  kind?: string;
  outcome?: string | null;
  error?: string | null;
  by?: string;
  accepted_ms?: number;
  first_ms?: number;
  ended_ms?: number;
  model?: string;
  input_tokens?: number;
  output_tokens?: number;
  cost_nano?: number;
  calls?: number;
  tools?: string[];
  spans?: Span[];
}

export interface TurnPage {
  turns: Turn[];
  next: string | null;
}

/** One session with who is there and what runs; `turns` are records here, and their number is `turn_count`. */
export interface SessionDetail extends Omit<SessionRow, "turns"> {
  turn_count: number;
  queued: string[];
  shares: Record<string, Share>;
  lifetime: Lifetime;
  connections: Connection[];
  turns: Turn[];
}

export interface Receipt {
  receipt: string;
  subject: string;
  sessions: number;
  messages: number;
  turns: number;
  at: number;
  overwritten: boolean;
}

export interface AuditEntry {
  seq: number;
  at_ms: number;
  actor: string;
  action: string;
  agent: string;
  session: string;
  peer: string;
  detail: string;
  count: number;
}

export interface AuditPage {
  entries: AuditEntry[];
  next: number | null;
}

export interface Limit {
  name: string;
  value: unknown;
  description: string;
  unit?: string | null;
}

export interface Limits {
  limits: Limit[];
  parked: SessionRow[];
  refusals: Record<string, number>;
  now: Now;
}

export interface Setting {
  name: string;
  value: unknown;
  default: unknown;
  secret: boolean;
  source: "default" | "set";
  description: string;
}

export interface Configuration {
  settings: Setting[];
}
