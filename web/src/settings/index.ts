export const Settings = (_: { page: string }) => null;
