import { signal } from "@preact/signals";
import { SignIn } from "../signin/signin";
import { Questions, Toasts } from "../ui";

const state = signal<"out" | "in">("out");

/** The whole: the sign-in page, or the mail of who is signed in. */
export function App() {
  return (
    <>
      {state.value === "out" ? <SignIn done={() => (state.value = "in")} /> : null}
      <Questions />
      <Toasts />
    </>
  );
}
