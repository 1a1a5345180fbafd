import { z } from 'zod'
import { GatewayError } from '../../core/errors.ts'
import { SESSION_MS } from './auth.ts'
import { type AdminRoute, reply } from './router.ts'
import { DEVICE_MS } from './sign-in.ts'
import type { AdminTools } from './tools.ts'

const TAG = 'Session'
const credentials = z.looseObject({
  username: z.string({ error: 'is required' }).min(1, 'is required'),
  password: z.string({ error: 'is required' }).min(1, 'is required'),
})

/** `/api/session` (api.md 4.2). */
export function sessionRoutes({ auth, config }: AdminTools): AdminRoute[] {
  const isEnabled = () => config.entities.get('settings', 'auth_config')?.is_enabled === true
  return [
    {
      method: 'POST',
      path: '/api/session/login',
      summary: 'Sign in; the token also comes as a cookie',
      tag: TAG,
      access: 'open',
      body: credentials,
      async handle({ body, address, scheme, headers }) {
        if (!isEnabled()) throw new GatewayError('GW_REQUEST_BLOCKED', { reason: 'authentication is not enabled (governance.auth_config)' })
        const token = await auth.logIn(String(body.username), String(body.password), { address, headers })
        const device = await auth.remember(headers)
        return reply({
          headers: [
            ['set-cookie', cookie(`token=${token}`, { scheme, seconds: SESSION_MS / 1000 })],
            ...(device === undefined ? [] : [['set-cookie', cookie(`device=${device}`, { scheme, seconds: DEVICE_MS / 1000 })] as const]),
          ],
          body: { message: 'Login successful', token },
        })
      },
    },
    {
      method: 'POST',
      path: '/api/session/logout',
      summary: 'End the session',
      tag: TAG,
      access: 'open',
      async handle({ headers, scheme }) {
        await auth.logOut(headers)
        return reply({ headers: [['set-cookie', cookie('token=', { scheme, seconds: 0 })]], body: { message: 'Logout successful' } })
      },
    },
    {
      method: 'GET',
      path: '/api/session/is-auth-enabled',
      summary: 'Whether the management API asks for authentication, and whether this request has signed in',
      tag: TAG,
      access: 'open',
      handle: async ({ headers }) => ({ is_auth_enabled: isEnabled(), has_valid_token: isEnabled() && (await auth.hasSession(headers)) }),
    },
    {
      method: 'POST',
      path: '/api/session/ws-ticket',
      summary: 'A ticket that opens one WebSocket within a minute',
      tag: TAG,
      handle: async () => ({ ticket: await auth.ticket() }),
    },
  ]
}

/** `Secure` where the client spoke TLS to us or to a proxy that is trusted: over plain HTTP on localhost the cookie would never come back. */
function cookie(pair: string, { scheme, seconds }: { scheme: 'http' | 'https'; seconds: number }): string {
  return `${pair}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${scheme === 'https' ? '; Secure' : ''}`
}
