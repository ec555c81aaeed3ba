// Joins the rooms: fills the ports that rooms show each other through.
export function wire(): void {}
