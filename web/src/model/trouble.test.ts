import { expect, test } from "vitest";
import { ConnectionError, MethodError, ObjectError, RequestError, SignedOutError } from "../jmap";
import { troubleOf } from "./trouble";

test.each([
  [new MethodError("overQuota", ""), "model.overQuota"],
  [new MethodError("requestTooLarge", ""), "model.tooMany"],
  [new MethodError("serverUnavailable", ""), "model.serverUnavailable"],
  [new MethodError("strange", "of the server"), "model.unexpected"],
  [new ObjectError({ type: "forbidden" }), "model.forbidden"],
  [new ObjectError({ type: "tooLarge" }), "model.tooLarge"],
  [new ObjectError({ type: "rateLimit" }), "model.rateLimit"],
  [new ObjectError({ type: "notFound" }), "model.notFound"],
  [new ObjectError({ type: "mailboxHasChild" }), "model.hasChild"],
  [new RequestError(413, "about:blank", ""), "model.tooLarge"],
  [new RequestError(413, "", "at most 1000 bytes", "maxSizeUpload"), "model.tooLargeFor"],
  [new RequestError(507, "", ""), "model.overQuota"],
  [new RequestError(429, "", ""), "model.busy"],
  [new RequestError(503, "", ""), "model.serverUnavailable"],
  [new RequestError(500, "", ""), "model.serverFail"],
  [new ConnectionError("lost"), "model.unanswered"],
  [new ConnectionError("none", false), "model.offline"],
  [new SignedOutError(), "model.signedOut"],
  [new TypeError("oops"), "model.unexpected"],
])("%s is %s", (error, key) => {
  const trouble = troubleOf(error);
  expect(trouble).toMatchObject({ key, cause: error });
  expect(troubleOf(trouble)).toBe(trouble);
});
