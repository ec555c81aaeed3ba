export const ConversationView = (_: { threadId: string }) => null;
