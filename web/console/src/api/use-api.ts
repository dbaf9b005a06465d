import { createContext, useContext } from "react";
import type { Api } from "./client.ts";
import type { Me } from "./types.ts";

export interface Access {
  api: Api;
  me: Me;
  /** Whether actions are allowed at all; the server checks again. */
  mayAct: boolean;
}

export const AccessContext = createContext<Access | null>(null);

/** The API and who is signed in. Only below the sign-in. */
export function useAccess(): Access {
  const access = useContext(AccessContext);
  if (!access) throw new Error("useAccess is used outside of the sign-in");
  return access;
}
