import { expect, test } from "vitest";
import { bytesOf } from "./push";

test("a key of the server is base64url without padding", () => {
  expect([...bytesOf("-_8")]).toEqual([251, 255]);
  expect([...bytesOf("AQID")]).toEqual([1, 2, 3]);
});
