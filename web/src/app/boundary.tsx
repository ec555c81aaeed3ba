import { Component, type ComponentChildren } from "preact";
import { t } from "../i18n";
import { Button } from "../ui";
import css from "./app.module.css";

/** Shows what went wrong in a part of the page, where the rest goes on. */
export class Boundary extends Component<{ children: ComponentChildren }, { error: unknown }> {
  override state = { error: null as unknown };

  static override getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidCatch(error: unknown) {
    console.error(error);
  }

  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div class={css.broken} role="alert">
        <h2>{t("app.broken")}</h2>
        <p>{t("app.brokenHelp")}</p>
        <pre translate={false}>{error instanceof Error ? `${error.name}: ${error.message}` : String(error)}</pre>
        <Button kind="primary" onClick={() => location.reload()}>
          {t("app.reload")}
        </Button>
      </div>
    );
  }
}
