export const ComposeLayer = () => null;
