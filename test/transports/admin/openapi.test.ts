import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../core/canonical/json.ts'
import { ROUTES } from '../../../transports/routes.ts'
import { manageOne, providerAt } from './support.ts'

const managed = manageOne((url) => ({ providers: { openai: providerAt(url) } }), {
  env: { PASSWORD: 'a long password', URL: 'https://llm.example.com' },
})
type Operation = {
  security: Record<string, unknown>[]
  operationId: string
  parameters: { name: string; in: string }[]
  requestBody?: JsonObject
  tags: string[]
}
type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { securitySchemes: JsonObject }
  servers: { url: string }[]
  tags: { name: string }[]
}
const headers = { authorization: `Basic ${Buffer.from('admin:a long password').toString('base64')}` }
const read = async (): Promise<Document> => (await managed.call('GET', '/api/openapi.json', undefined, headers)).body
const waysOf = (operation: Operation | undefined) => operation?.security.map((one) => Object.keys(one)[0] ?? 'none')

describe('GET /api/openapi.json', () => {
  test('is an OpenAPI 3.1 document that a validator takes', async () => {
    const validator = new Validator()
    expect(await validator.validate(await read())).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })
  test('has every route once, with its parameters', async () => {
    const { paths, tags } = await read()
    const all = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
    )
    expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(all.length)
    for (const { path, parameters, tags: own } of all) {
      expect(parameters.filter((each) => each.in === 'path').map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? [])
      expect(tags.map(({ name }) => name)).toContain(own[0])
    }
    for (const { method, path } of ROUTES)
      if (!path.startsWith('/api/'))
        expect(paths[path.replace(/:(\w+)/g, '{$1}').replace('*', '{rest}')]).toHaveProperty(method.toLowerCase())
    expect(paths['/api/governance/virtual-keys']?.post?.requestBody).toBeDefined()
    expect(JSON.stringify(paths)).not.toContain('$defs')
  })
  test('names for each operation the credentials that it takes, as the gateway stands', async () => {
    const open = await read()
    expect(waysOf(open.paths['/api/providers']?.get)).toEqual([])
    expect(waysOf(open.paths['/v1/chat/completions']?.post)).toContain('none')
    expect(waysOf(open.paths['/api/governance/virtual-keys/quota']?.get)).not.toContain('basic')
    await managed.call('PUT', '/api/config', {
      client_config: { enforce_auth_on_inference: true, whitelisted_routes: ['/api/keys'] },
      auth_config: { is_enabled: true, admin_username: 'admin', admin_password: 'env.PASSWORD' },
    })
    const closed = await read()
    expect(waysOf(closed.paths['/api/providers']?.get)).toEqual(['basic', 'session', 'cookie'])
    expect(waysOf(closed.paths['/api/keys']?.get)).toEqual([])
    expect(waysOf(closed.paths['/api/session/login']?.post)).toEqual([])
    expect(waysOf(closed.paths['/health']?.get)).toEqual([])
    expect(waysOf(closed.paths['/v1/chat/completions']?.post)).toEqual([
      'virtualKey',
      'virtualKeyBearer',
      'virtualKeyApiKey',
      'virtualKeyGoogle',
      'basic',
      'session',
      'cookie',
    ])
    for (const methods of Object.values(closed.paths))
      for (const operation of Object.values(methods))
        for (const way of waysOf(operation) ?? []) expect([...Object.keys(closed.components.securitySchemes), 'none']).toContain(way)
  })
  test('has the address that is set', async () => {
    expect((await read()).servers).toEqual([{ url: '/' }])
    const { client_config: client } = (await managed.call('GET', '/api/config', undefined, headers)).body
    await managed.call('PUT', '/api/config', { client_config: { ...client, docs_base_url: 'env.URL' } }, headers)
    expect((await read()).servers).toEqual([{ url: 'https://llm.example.com' }])
  })
})

describe('GET /api/docs', () => {
  test('is a page of its own: nothing from elsewhere, nothing but its own script', async () => {
    const page = await managed.call('GET', '/api/docs', undefined, headers)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = page.headers.get('content-security-policy') ?? ''
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1]
    expect(policy).toMatch(/^default-src 'none';/)
    expect(policy).not.toMatch(/unsafe|\*/)
    expect(page.text.match(/<(script|style)[^>]*>/g)).toEqual([`<style nonce="${nonce}">`, `<script nonce="${nonce}">`])
    expect(page.text).not.toMatch(/https?:\/\/|innerHTML|\son\w+=/)
    const again = await managed.call('GET', '/api/docs', undefined, headers)
    expect(again.headers.get('content-security-policy')).not.toBe(policy)
    const [, script = ''] = /<script[^>]*>([\s\S]*)<\/script>/.exec(page.text) ?? []
    expect(() => new Function(script)).not.toThrow()
  })
  test('is asked for by the same credentials as the rest', async () => {
    expect((await managed.call('GET', '/api/docs')).status).toBe(401)
    expect((await managed.call('GET', '/api/openapi.json')).status).toBe(401)
  })
})
