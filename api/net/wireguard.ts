// What nodes tell each other of their ends of WireGuard tunnels.

/** Annotation of a Node: its public key, in base64. */
export const publicKeyAnnotation = 'fairlead.io/wireguard-public-key'
