// Joins the rooms: fills the ports that rooms show each other through.
import "../conversation/trusted";
import { fillPorts as fillCompose } from "../compose";
import { fillPorts as fillList } from "../list";
import { fillPorts as fillLive } from "../live";
import { fillPorts as fillSearch } from "../search";

export function wire(): void {
  fillCompose();
  fillList();
  fillLive();
  fillSearch();
}
