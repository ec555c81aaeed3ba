// The web client. Here it starts: the language and the session are asked for at once, then what is to be seen is shown.
import "./ui/tokens.css";
import "./ui/base.css";
import { render } from "preact";
import { App } from "./app/app";
import { follow } from "./app/route";
import { enter } from "./app/session";
import { wire } from "./app/wire";
import { appear, speakAsWished } from "./preferences/appearance";
import { listen } from "./ui";

appear();
follow();
wire();
void enter();
await speakAsWished();
listen();
render(<App />, document.getElementById("app")!);
