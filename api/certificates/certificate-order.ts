/** What a certificate for somebody else's key is to say. */
export interface CertificateOrder {
  commonName: string
  organizations: readonly string[]
  /** DNS names and addresses. */
  names: readonly string[]
  /** "client auth", "server auth", "digital signature", "key encipherment"; others do not count. */
  usages: readonly string[]
  /** DER (SubjectPublicKeyInfo). */
  publicKey: Uint8Array<ArrayBuffer>
  /** From now; never longer than the authority. */
  lifeSeconds: number
}
