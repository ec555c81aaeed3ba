// Which properties of emails are asked for.

/** What lists show: all of it the server answers from rows, without opening a message. */
export const summary = [
  "id",
  "threadId",
  "mailboxIds",
  "keywords",
  "from",
  "to",
  "cc",
  "subject",
  "preview",
  "receivedAt",
  "hasAttachment",
  "size",
] as const;

/** What a row needs of the other emails of its thread. */
export const member = ["id", "threadId", "mailboxIds", "keywords", "from", "receivedAt", "hasAttachment"] as const;

/** What can change of an email (RFC 8621 4.1). */
export const changing = ["id", "threadId", "mailboxIds", "keywords"] as const;

/** Fields of the header that a conversation needs, beside the properties. */
export const conversationHeaders = [
  "header:List-Unsubscribe:asURLs",
  "header:List-Unsubscribe-Post:asText",
  "header:List-Id:asText",
  "header:List-Post:asURLs",
  "header:Authentication-Results:asText:all",
  "header:X-Priority:asText",
  "header:Importance:asText",
  "header:Disposition-Notification-To:asAddresses",
  "header:Auto-Submitted:asText",
] as const;

/** What a conversation shows of each of its emails. */
export const whole = [
  ...summary,
  "blobId",
  "messageId",
  "inReplyTo",
  "references",
  "sender",
  "bcc",
  "replyTo",
  "sentAt",
  "bodyStructure",
  "bodyValues",
  "textBody",
  "htmlBody",
  "attachments",
  ...conversationHeaders,
] as const;

export const bodyProperties = [
  "partId",
  "blobId",
  "size",
  "name",
  "type",
  "charset",
  "disposition",
  "cid",
  "language",
  "location",
  "subParts",
  "header:Content-Type",
] as const;

/** Bytes of a body value that are loaded at first: more has hardly any message, and "load all" asks for it. */
export const maxBodyValueBytes = 256 * 1024;
