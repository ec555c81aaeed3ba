// Joins the rooms: fills the ports that rooms show each other through.
import { fillPorts as fillCompose } from "../compose";
import { fillPorts as fillLive } from "../live";

export function wire(): void {
  fillCompose();
  fillLive();
}
