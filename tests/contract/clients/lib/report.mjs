// What a driver prints: one JSON object a line on stdout; the last one is the result. Logs go to stderr.

const started = Date.now();

/** Prints one event; `CLIENT_FRAMES=0` leaves frames out. */
export function emit(entry) {
  if (process.env.CLIENT_FRAMES === "0" && (entry.event === "in" || entry.event === "out")) return;
  process.stdout.write(`${JSON.stringify({ ms: Date.now() - started, ...entry })}\n`);
}

/** Runs `scenarios[name]`, prints what it returns as the result, and ends the process: 0 done, 1 failed, 2 unknown. */
export async function main(scenarios) {
  for (const level of ["log", "info", "debug"]) console[level] = (...args) => console.error(...args);
  const [base, name] = process.argv.slice(2);
  if (!base || !(name in scenarios)) {
    console.error(`usage: node driver.mjs BASE_URL SCENARIO\nscenarios: ${Object.keys(scenarios).join(" ")}`);
    process.exit(2);
  }
  try {
    const result = await scenarios[name](base.replace(/\/$/, ""));
    emit({ event: "result", scenario: name, ...result });
    await new Promise((done) => process.stdout.write("", done));
    process.exit(0);
  } catch (error) {
    emit({ event: "failed", scenario: name, error: String(error?.stack ?? error) });
    await new Promise((done) => process.stdout.write("", done));
    process.exit(1);
  }
}

/** A session id nobody else uses. */
export function freshSession(label) {
  return `${label}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
}

/** A message as tests compare it: id, role, and the text of its text parts. */
export function brief(message) {
  const text = (message.parts ?? []).filter((p) => p.type === "text").map((p) => p.text).join("");
  return { id: message.id, role: message.role, text: text || (message.parts?.length ? "" : message.content ?? "") };
}

/** The transcript the server serves over plain HTTP. */
export async function transcript(base, session, query = "") {
  const response = await fetch(`${base}/agents/chat/${encodeURIComponent(session)}/get-messages${query}`);
  if (!response.ok) throw new Error(`get-messages answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** Asks `probe` again until it gives something truthy; fails after `ms` milliseconds naming `what` was awaited. */
export async function poll(probe, what, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`time is up after ${ms} ms: ${what} did not happen`);
    await new Promise((next) => setTimeout(next, 20));
  }
}
