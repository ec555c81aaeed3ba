import { type ComponentType, h } from "preact";
import { useEffect, useState } from "preact/hooks";

/** A component whose program is fetched when it is first shown; until then `meanwhile` is. It is fetched again when that failed and it is shown anew. */
export function later<P extends object>(
  load: () => Promise<ComponentType<P>>,
  meanwhile?: ComponentType,
): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Later(props: P) {
    const [, shown] = useState(0);
    const [failed, setFailed] = useState<unknown>(null);
    useEffect(() => {
      if (loaded) return;
      load().then((component) => {
        loaded = component;
        shown((n) => n + 1);
      }, setFailed);
    }, []);
    if (failed) throw failed;
    if (loaded) return h(loaded as ComponentType<object>, props);
    return meanwhile ? h(meanwhile, {}) : null;
  };
}
