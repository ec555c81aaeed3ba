// The objects of JMAP, as the standards have them: RFC 8620, RFC 8621, and those of our own (docs/jmap.md).

/** An id that the server gave (RFC 8620 1.2). */
export type Id = string;
