// How strangers are called. A display name is what its writer likes; it must not pass for another one's address, nor show itself in another order.

/** Signs that turn the direction of writing round, that end lines, and that are not seen. Joiners stay: scripts and emoji need them. */
const unseen = /[\p{Cc}\p{Bidi_Control}\u00ad\u200b\u2060\ufeff]/gu;
const address = /\S[@\uff20\ufe6b]\S/;

/** shownName is the name of somebody, or the address: where there is no name, and where the name is an address that is not theirs. */
export function shownName(who: { name?: string | null; email: string }): string {
  const name = (who.name ?? "").replace(unseen, "").trim();
  return name === "" || address.test(name) ? who.email : name;
}
