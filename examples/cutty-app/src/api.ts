/** The application's own server. The browser's cookie says who is signed in. */

export interface User {
  id: string;
  name: string;
}

export interface List {
  id: string;
  name: string;
  columns: string[];
  rows: number;
}

export type Row = Record<string, string>;

export interface Filter {
  field: string;
  operator: string;
  value: string;
}

export const OPERATORS = ["is", "is not", "contains", "starts with", ">", ">=", "<", "<="];

async function call<Answer>(method: string, path: string, body?: string | object): Promise<Answer> {
  const json = typeof body === "object";
  const response = await fetch(`/api/${path}`, {
    method,
    body: json ? JSON.stringify(body) : body,
    headers: body === undefined ? {} : { "content-type": json ? "application/json" : "text/csv" },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer as Answer;
}

export const signIn = async (name: string) => (await call<{ user: User }>("POST", "sign-in", { name })).user;
export const signOut = () => call("POST", "sign-out");

export const signedIn = async () => (await call<{ user: User | null }>("GET", "me")).user;

/** A token for the chat servers, good for so many seconds; also as a cookie. Use `userToken`, which keeps it. */
export const newToken = () => call<{ token: string; seconds: number }>("POST", "token");

export const allLists = async () => (await call<{ lists: List[] }>("GET", "lists")).lists;
export const upload = async (file: File) =>
  call<List>("POST", `lists?name=${encodeURIComponent(file.name)}`, await file.text());
export const generate = (kind: string, rows: number) => call<List>("POST", "lists/generate", { kind, rows });
export const remove = (id: string) => call("DELETE", `lists/${id}`);

export function rowsOf(id: string, filter: Filter | null, offset: number, limit: number) {
  const query = new URLSearchParams({ ...filter, offset: String(offset), limit: String(limit) });
  return call<{ total: number; rows: Row[] }>("GET", `lists/${id}/rows?${query}`);
}
