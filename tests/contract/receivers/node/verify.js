// Verifies a delivery: reads {"headers", "body", "secret", "public_key"} and prints what each signature tells.
const crypto = require("node:crypto");
const { Webhook } = require("standardwebhooks");

const given = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const shared = new Webhook(given.secret).verify(given.body, given.headers);

const raw = Buffer.from(given.public_key.replace(/^whpk_/, ""), "base64");
const key = crypto.createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") }, format: "jwk" });
const signed = Buffer.from(`${given.headers["webhook-id"]}.${given.headers["webhook-timestamp"]}.${given.body}`);
const valid = given.headers["webhook-signature"]
  .split(" ")
  .map((each) => each.split(","))
  .some(([version, text]) => version === "v1a" && crypto.verify(null, signed, key, Buffer.from(text, "base64")));

console.log(JSON.stringify({ v1: shared.type, v1a: valid }));
