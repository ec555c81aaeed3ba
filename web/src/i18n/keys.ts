// The keys there are, by the files of the reference language: a key that is misspelt does not compile.
type In<Room extends string, Texts> = `${Room}.${Extract<keyof Texts, string>}`;

export type Key =
  | In<"app", typeof import("./en/app.json")>
  | In<"compose", typeof import("./en/compose.json")>
  | In<"conversation", typeof import("./en/conversation.json")>
  | In<"list", typeof import("./en/list.json")>
  | In<"live", typeof import("./en/live.json")>
  | In<"model", typeof import("./en/model.json")>
  | In<"search", typeof import("./en/search.json")>
  | In<"settings", typeof import("./en/settings.json")>
  | In<"signin", typeof import("./en/signin.json")>
  | In<"ui", typeof import("./en/ui.json")>;
