import { t } from "../../i18n";
import { Icon } from "../../ui";
import { useShared } from "../context";
import css from "./view.module.css";

/** Where the link under the pointer leads: its host stands out, since that is what counts. */
export function Hint() {
  const to = useShared().hint.value;
  if (!to) return null;
  const [before, after] = to.scheme === "web" ? split(to.url, to.host) : ["", ""];
  return (
    <div class={css.hint} data-doubt={to.doubt !== undefined} role="status">
      {to.doubt && <Icon name="warning" size={16} />}
      <span class="visually-hidden">{t("conversation.linkTo", { host: to.host })}</span>
      <span aria-hidden="true" translate={false} dir="ltr">
        {before}
        <b>{to.host}</b>
        {after}
      </span>
    </div>
  );
}

function split(url: string, host: string): [string, string] {
  const at = url.indexOf(host, url.indexOf("//"));
  return at < 0 ? ["", ""] : [url.slice(0, at), url.slice(at + host.length, at + host.length + 200)];
}
