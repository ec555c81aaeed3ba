export const FolderPane = () => null;
export const MessageList = () => null;
