import { z } from 'zod'
import type { JsonObject } from '../../core/canonical/json.ts'
import { allows, toAllowList } from '../../core/config/allow-list.ts'
import type { ProviderModels } from '../../core/models.ts'
import { count } from './page.ts'
import type { AdminRoute } from './router.ts'
import type { AdminTools } from './tools.ts'

const TAG = 'Models'
/** How many are listed unless said, and at most. */
const FEW = 5
const DETAILED = 20
const MOST = 1000

const query = z.looseObject({
  query: z.string().max(256).optional().describe("A part of the model's name."),
  provider: z.string().optional().describe('Only of this provider.'),
  keys: z.string().optional().describe('Only what one of these keys may serve: ids, by commas.'),
  unfiltered: z.enum(['true', 'false']).optional().describe('`true`: also what no key may serve.'),
  limit: count.describe('How many.'),
  offset: count.describe('How many to pass over.'),
})

/** `/api/models` (api.md 4.4): what providers have, and which keys may serve it. */
export function modelRoutes(tools: AdminTools): AdminRoute[] {
  const list = async (asked: URLSearchParams, usual: number) => {
    const all = await found(tools, asked)
    const limit = Math.min(numberOf(asked, 'limit', usual) || usual, MOST)
    const offset = numberOf(asked, 'offset', 0)
    return { all, limit, offset, models: all.slice(offset, offset + limit) }
  }
  return [
    {
      method: 'GET',
      path: '/api/models',
      summary: 'Models that the keys may serve, 5 unless said',
      tag: TAG,
      query,
      async handle({ query: asked }) {
        const { all, models } = await list(asked, FEW)
        return { models: models.map((model) => ({ ...model })), total: all.length }
      },
    },
    {
      method: 'GET',
      path: '/api/models/details',
      summary: 'The same with the names by which requests ask for them, page by page',
      tag: TAG,
      query,
      async handle({ query: asked }) {
        const { all, limit, offset, models } = await list(asked, DETAILED)
        return { models: models.map((model) => ({ id: `${model.provider}/${model.name}`, ...model })), total: all.length, limit, offset }
      },
    },
    {
      method: 'GET',
      path: '/api/models/base',
      summary: 'Names of models, whoever has them',
      tag: TAG,
      query,
      async handle({ query: asked }) {
        const { all, limit, offset } = await list(asked, DETAILED)
        const names = [...new Set(all.map(({ name }) => name))]
        return { models: names.slice(offset, offset + limit), total: names.length }
      },
    },
  ]
}

interface FoundModel {
  name: string
  provider: string
  accessible_by_keys: string[]
}

async function found(tools: AdminTools, asked: URLSearchParams): Promise<FoundModel[]> {
  const { entities } = tools.config
  const provider = asked.get('provider')
  const part = (asked.get('query') ?? '').toLowerCase()
  const keys = (asked.get('keys') ?? '').split(',').filter((id) => id !== '')
  const isUnfiltered = asked.get('unfiltered') === 'true'
  const providers = [...entities.all('providers').keys()].filter((name) => !provider || name === provider)
  const known = await tools.catalog.of(providers.sort())
  return known
    .flatMap((models) => modelsOf(tools, models))
    .filter(({ name }) => name.toLowerCase().includes(part))
    .filter(({ accessible_by_keys: by }) => keys.length === 0 || by.some((id) => keys.includes(id)))
    .filter(({ accessible_by_keys: by, provider: owner }) => isUnfiltered || by.length > 0 || entities.keysOf(owner).length === 0)
}

/** A key may serve what its lists allow, of what the provider has told it or of what it names itself. */
function modelsOf({ config: { entities } }: AdminTools, { provider, lists }: ProviderModels): FoundModel[] {
  const names = [...new Set(lists.flatMap(({ models }) => models))].sort()
  const keys = entities.keysOf(provider).filter(({ body }) => body.enabled !== false)
  const mayServe = ({ id, body }: { id: string; body: JsonObject }, name: string) =>
    lists.some(({ key, models }) => (key === undefined || key === id) && models.includes(name)) &&
    allows(toAllowList(texts(body.models)), name) &&
    !allows(toAllowList(texts(body.blacklisted_models)), name)
  return names.map((name) => ({ name, provider, accessible_by_keys: keys.filter((key) => mayServe(key, name)).map(({ id }) => id) }))
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function numberOf(asked: URLSearchParams, name: string, usual: number): number {
  return Math.max(0, Number(asked.get(name) ?? usual))
}
