// Signing in and out: the server's cookie, which no script can read, says who one is.

export interface Problem {
  status: number; // of HTTP; 0: the server did not answer
  detail: string; // in the server's words
  wait: number; // seconds until it may be tried again
}

/** Signs in; null when that went well. */
export async function signIn(login: string, password: string, keep: boolean): Promise<Problem | null> {
  const answer = await ask("POST", { login, password, keep });
  return answer.ok ? null : problemOf(answer);
}

/** Signs out; false where the server was not reached: then one still is signed in. */
export async function signOut(): Promise<boolean> {
  return (await ask("DELETE")).ok;
}

async function ask(method: string, body?: object): Promise<Response> {
  try {
    return await fetch("/session", {
      method,
      ...(body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch {
    return Response.error();
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  const said = await answer.json().catch(() => ({}));
  return {
    status: answer.status,
    detail: String(said.detail ?? ""),
    wait: Number(answer.headers.get("Retry-After") ?? 0),
  };
}
