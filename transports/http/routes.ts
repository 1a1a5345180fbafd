import type { Route } from '../../core/edge.ts'

/** The native API (api.md 1.2). A row is all it takes: HEAD, OPTIONS and 405 follow from it. */
export const NATIVE_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/v1/chat/completions', operation: 'chat_completion', format: 'openai-chat', isNative: true },
  { method: 'POST', path: '/v1/completions', operation: 'text_completion', format: 'openai-completions', isNative: true },
  { method: 'POST', path: '/v1/responses', operation: 'responses', format: 'openai-responses', isNative: true },
  { method: 'POST', path: '/v1/embeddings', operation: 'embedding', format: 'openai-embeddings', isNative: true },
  { method: 'GET', path: '/v1/models', operation: 'list_models', format: 'openai-chat', isNative: true },
  { method: 'GET', path: '/health', operation: 'health', format: 'openai-chat', at: 'control', surface: 'all', isOpen: true },
  ...(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).map(
    (method): Route => ({ method, path: '/api/*', operation: 'admin', format: 'openai-chat', at: 'control', surface: 'admin' }),
  ),
  { method: 'GET', path: '/api/version', operation: 'version', format: 'openai-chat', at: 'control', surface: 'admin' },
]

/** Methods that a path answers, for `Allow`: those of its rows, HEAD with GET, and OPTIONS. */
export function allowedMethods(routes: readonly Route[]): string[] {
  const methods = routes.map((route) => route.method)
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS']
}

/** Rows by path, in the table's order. */
export function routesByPath(routes: readonly Route[]): Map<string, Route[]> {
  return Map.groupBy(routes, (route) => route.path)
}
