export const ConnectionNotice = () => null;
