// What all rooms are furnished with. Nothing in here knows of mail.
export { Avatar, hue } from "./avatar";
export { Button, type ButtonProps, IconButton, type IconButtonProps } from "./button";
export { ask, Dialog, Questions } from "./dialog";
export { SelectField, Switch, TextField } from "./fields";
export { Icon, type IconName } from "./icon";
export { later } from "./later";
export { below, Menu, type MenuItem } from "./menu";
export { handleKey, listen, pressed, readable, rooms, type Shortcut, useShortcuts } from "./shortcuts";
export { Spinner } from "./spinner";
export { announce, type Toast, Toasts, toast, undoLast } from "./toast";
