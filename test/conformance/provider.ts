import { describe, expect, test } from 'vitest'
import type { AuthKind, Operation, PathFacts, Provider, Quirks } from '../../core/provider.ts'
import type { KeySettings, ProviderSettings } from '../../core/snapshot.ts'

const AUTH_KINDS: Record<AuthKind, true> = {
  bearer: true,
  'x-api-key': true,
  'x-goog-api-key': true,
  entra: true,
  'entra-x-api-key': true,
  sigv4: true,
  google: true,
  none: true,
}
const OPERATIONS: Record<Operation, true> = {
  chat_completion: true,
  text_completion: true,
  responses: true,
  list_models: true,
  embedding: true,
  rerank: true,
  count_tokens: true,
}
const QUIRKS: Record<keyof Quirks, true> = {
  drop: true,
  dropTranslated: true,
  rename: true,
  clamp: true,
  defaults: true,
  systemRole: true,
  reasoningField: true,
  effort: true,
  patch: true,
  patchFields: true,
}

/** Below the base URL, with a query where the API wants one; a list may have a host of its own. */
const PATH = /^(https:\/\/[a-z0-9.-]+)?\/[\w/.:%-]*[\w](\?[\w=&-]+)?$/
const FACTS: readonly PathFacts[] = [true, false].map((isStream) => ({
  model: 'a/model:1',
  isStream,
  key: { aliases: {}, config: { project_id: 'my-project', region: 'us-east-1' } } as unknown as KeySettings,
  settings: { network: {} } as ProviderSettings,
}))

/** What every entry of the registry must keep, whatever it stands for. `formats`: names of those that exist. */
export function providerConformance(provider: Provider, formats: readonly string[]): void {
  const { name, baseUrl, keyUrl, keyBaseUrl, keyConfig, respond, quirks = {}, paths, headers = {} } = provider

  describe(`provider ${name}`, () => {
    test('has a name that can stand before the slash of a model', () => {
      expect(name).toMatch(/^[a-z][a-z0-9-]*$/)
    })

    test('has exactly one place to go to', () => {
      expect([baseUrl, keyUrl, keyBaseUrl, respond].filter((place) => place !== undefined)).toHaveLength(1)
      if (keyConfig) expect(keyConfig.name).toBe(`${name}_key_config`)
      if (keyUrl !== undefined) expect(keyUrl).toBe(`${name}_key_config`)
      if (baseUrl === undefined) return
      const url = new URL(baseUrl)
      expect(url.protocol).toBe('https:')
      expect([url.search, url.hash, url.username]).toEqual(['', '', ''])
      expect(baseUrl).not.toMatch(/\/(v1)?$/)
    })

    test('speaks a format that exists', () => {
      expect(formats).toContain(provider.format)
    })

    test('serves operations by paths below its base', () => {
      expect(Object.keys(paths).length).toBeGreaterThan(0)
      for (const [operation, path] of Object.entries(paths)) {
        expect(OPERATIONS).toHaveProperty(operation)
        for (const written of typeof path === 'function' ? FACTS.map(path) : [path]) expect(written).toMatch(PATH)
      }
    })

    test('authenticates in a known way, and none needs no key', () => {
      expect(AUTH_KINDS).toHaveProperty(provider.auth)
      if (provider.auth === 'none') expect(provider.keyless).toBe('key')
    })

    test('sends plain lower-case headers of its own, never a credential', () => {
      for (const [header, value] of Object.entries(headers)) {
        expect(header).toMatch(/^[a-z][a-z0-9-]*$/)
        expect(header).not.toMatch(/auth|key|token|cookie/)
        expect(value).toMatch(/^[\x20-\x7e]+$/)
      }
    })

    test('keeps to the vocabulary of quirks', () => {
      for (const word of Object.keys(quirks)) expect(QUIRKS).toHaveProperty(word)
      for (const [least, most] of Object.values(quirks.clamp ?? {})) expect(least).toBeLessThanOrEqual(most)
      const dropped = quirks.drop ?? []
      expect(new Set(dropped).size).toBe(dropped.length)
      for (const field of Object.keys(quirks.rename ?? {})) expect(dropped).not.toContain(field)
      if (quirks.patchFields) expect(quirks.patch).toBeDefined()
    })

    test('has a patch that leaves an ordinary body alone', () => {
      const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }], temperature: 1, user: 'u' }
      const patched = structuredClone(body)
      expect(quirks.patch?.(patched) ?? []).toEqual([])
      expect(patched).toEqual(body)
    })
  })
}
