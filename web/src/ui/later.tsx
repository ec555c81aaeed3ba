import { type ComponentType, h } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** A component whose program comes when it is needed. */
export type Later<P extends object> = ComponentType<P> & {
  /** Fetches the program before that, so that it is there at once. */
  fetch: () => Promise<void>;
};

/** A component whose program is fetched when it is first shown; until then `meanwhile` is. It is fetched again when that failed and it is shown anew. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, meanwhile?: ComponentType): Later<P> {
  let loaded: ComponentType<P> | null = null;
  const fetch = async () => {
    loaded ??= await load();
  };
  function Later(props: P) {
    const [, shown] = useState(0);
    const draws = useRef(false);
    const [failed, setFailed] = useState<unknown>(null);
    useEffect(() => {
      // It may have come between being drawn and this.
      if (!draws.current) fetch().then(() => shown((n) => n + 1), setFailed);
    }, []);
    if (failed) throw failed;
    draws.current = !!loaded;
    if (loaded) return h(loaded as ComponentType<object>, props);
    return meanwhile ? h(meanwhile, {}) : null;
  }
  return Object.assign(Later, { fetch });
}
