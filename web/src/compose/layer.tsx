import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { whenLeaving } from "../app/ports";
import { useMail } from "../model";
import css from "./compose.module.css";
import { Composer, preload } from "./composer";
import { Desk } from "./desk";

/** What is being written by who is signed in. */
export const desk = signal<Desk | null>(null);

/** The windows at the foot of the page; on a phone each fills it. */
export function ComposeLayer() {
  const mail = useMail();
  useEffect(() => {
    const made = new Desk(mail);
    desk.value = made;
    void made.start();
    preload();
    const stay = whenLeaving(() => made.stop());
    return () => {
      stay();
      if (desk.value === made) desk.value = null;
      void made.stop();
    };
  }, [mail]);
  if (!desk.value?.windows.value.length) return null;
  return (
    <div class={css.layer} data-full={desk.value.windows.value.some((c) => c.view.value === "full")}>
      {desk.value.windows.value.map((c) => (
        <Composer key={c.key} of={c} desk={desk.value!} />
      ))}
    </div>
  );
}
