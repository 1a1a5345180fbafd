import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../../core/canonical/json.ts'
import { asksForCredential } from '../../core/config/client.ts'
import { isWhitelisted } from '../../core/virtual-key.ts'
import { docsPage, docsPolicy } from './docs-page.ts'
import { type OpenApiFacts, openApi } from './openapi.ts'
import { type AdminRoute, reply } from './router.ts'
import type { AdminTools } from './tools.ts'

const TAG = 'Documentation'

/** `/api/openapi.json` and `/api/docs`: what the gateway itself says of its API. `routes` are all others. */
export function docsRoutes(tools: AdminTools, routes: readonly AdminRoute[]): AdminRoute[] {
  const own: AdminRoute[] = [
    {
      method: 'GET',
      path: '/api/openapi.json',
      summary: 'This API as an OpenAPI document',
      tag: TAG,
      handle: () => openApi([...routes, ...own], factsOf(tools)),
    },
    {
      method: 'GET',
      path: '/api/docs',
      summary: 'This API as a page',
      tag: TAG,
      handle() {
        const nonce = randomBytes(16).toString('base64')
        const { baseUrl } = factsOf(tools)
        const origin = URL.parse(baseUrl)?.origin
        const headers = [
          ['content-security-policy', docsPolicy(nonce, origin)],
          ['referrer-policy', 'no-referrer'],
        ] as const
        return reply({ headers, body: { type: 'text/html; charset=utf-8', text: docsPage(nonce) } })
      },
    },
  ]
  return own
}

function factsOf({ config: { entities }, version, text }: AdminTools): OpenApiFacts {
  const client: JsonObject = entities.get('settings', 'client') ?? {}
  const auth: JsonObject = entities.get('settings', 'auth_config') ?? {}
  const routes = Array.isArray(client.whitelisted_routes) ? client.whitelisted_routes.map(String) : []
  return {
    version,
    baseUrl: text(client.docs_base_url) || '/',
    hasSignIn: auth.is_enabled === true,
    ...asksForCredential(client, auth),
    isWhitelisted: (path) => isWhitelisted(path, routes),
  }
}
