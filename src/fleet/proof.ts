/** How a host proves that it holds its key: an Ed25519 signature over the server's nonce, bound to purpose, server and name. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

export type Claim = {
  readonly purpose: "enrol" | "prove";
  readonly nonce: string;
  readonly serverId: string;
  readonly name: string;
};

/** Domain-separated: a signature made here means nothing anywhere else. JSON keeps the parts apart. */
function bytesOf(claim: Claim): Buffer {
  return Buffer.from(`gantry-agent-proof-v1\n${JSON.stringify([claim.purpose, claim.nonce, claim.serverId, claim.name])}`);
}

/** `privateKey` is the base64 of its PKCS #8 form. */
export function signClaim(claim: Claim, privateKey: string): string {
  const key = createPrivateKey({ key: Buffer.from(privateKey, "base64"), format: "der", type: "pkcs8" });
  return sign(null, bytesOf(claim), key).toString("base64");
}

/** `publicKey` is the base64 of its SubjectPublicKeyInfo. False for anything that is not an Ed25519 key and its signature. */
export function verifyClaim(claim: Claim, proof: { publicKey: string; signature: string }): boolean {
  const key = readPublicKey(proof.publicKey);
  if (key === null) return false;
  return verify(null, bytesOf(claim), key, Buffer.from(proof.signature, "base64"));
}

function readPublicKey(text: string): KeyObject | null {
  try {
    const key = createPublicKey({ key: Buffer.from(text, "base64"), format: "der", type: "spki" });
    return key.asymmetricKeyType === "ed25519" ? key : null;
  } catch {
    return null;
  }
}
