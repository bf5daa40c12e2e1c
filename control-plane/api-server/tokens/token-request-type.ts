/** The names of the request's body. */
export const tokenRequestType = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  definition: 'io.k8s.api.authentication.v1.TokenRequest',
}
