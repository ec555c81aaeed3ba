// How components read the model.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Mail } from "./types";

export const MailContext = createContext<Mail | undefined>(undefined);

/** The mail of who is signed in. Only below MailContext.Provider. */
export function useMail(): Mail {
  const mail = useContext(MailContext);
  if (!mail) throw new Error("useMail: nobody is signed in here");
  return mail;
}
