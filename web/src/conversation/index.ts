// A conversation: the messages of a thread, each with its head, what it says, what hangs on it, and what can be done with it.
//
// Promises: nothing of a message runs or is fetched from elsewhere (src/safe, frame/); remote pictures come by our server, when that is wished;
// long texts, many recipients, attachments and messages are shown in pieces that the page can bear. Invitations, previews, originals and reasons are
// loaded when they are needed. What other rooms show here (status, typing, reactions, the quick reply) comes by ports.

export { prepareFrames } from "./frame/spare";
export { ConversationView } from "./thread/view";
