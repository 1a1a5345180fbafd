import type { Authenticator, AuthKind } from '../../core/provider.ts'
import { azure } from './azure.ts'
import { bearer } from './bearer.ts'
import { google } from './google.ts'
import { header } from './header.ts'
import { sigv4 } from './sigv4.ts'

/** Every way in which keys sign requests in. */
export const authenticators = {
  bearer,
  'x-api-key': header('x-api-key'),
  'x-goog-api-key': header('x-goog-api-key'),
  entra: azure('api-key'),
  'entra-x-api-key': azure('x-api-key'),
  sigv4,
  google,
  none: { headers: () => [] },
} satisfies Record<AuthKind, Authenticator>
