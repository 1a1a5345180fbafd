import type { Authenticate, AuthKind } from '../../core/provider.ts'
import { bearer } from './bearer.ts'
import { header } from './header.ts'

/** Every way in which an entry's keys are written into requests. */
export const authenticators = {
  bearer,
  'x-api-key': header('x-api-key'),
  none: () => [],
} satisfies Record<AuthKind, Authenticate>
