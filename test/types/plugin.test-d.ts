import { z } from 'zod'
import { allowList, type Context, definePlugin, GatewayError, type JsonObject, type PluginTools } from '../../core/index.ts'

// What plugin authors see, checked by `npm run check`: good code compiles without type arguments, bad code does not.

declare module '../../core/index.ts' {
  interface Services {
    clock: { now(): number }
  }
  interface PluginState {
    seenAt?: number
  }
}

export const typical = definePlugin({
  name: 'allow-models',
  config: z.strictObject({ models: allowList(), limit: z.number().default(3) }),
  setup({ models, limit }, { log, services, name }) {
    const least: number = limit
    return {
      hooks: {
        governance(ctx) {
          ctx.state.seenAt = services.clock.now()
          if (models.allows(ctx.model)) return
          log.info({ id: ctx.id, least, name }, 'model refused')
          return new GatewayError('GW_MODEL_NOT_ALLOWED', { model: ctx.model })
        },
        preRequest: {
          needs: 'canonical',
          handler(ctx) {
            ctx.request = { ...ctx.request, temperature: 0 }
          },
        },
        keySelection: { async: true, handler: async (candidates, ctx) => candidates.filter((each) => each.model !== ctx.model) },
        stream: (stages) => [...stages, { on: 'parts', ref: { module: import.meta.url, name: 'fold' } }],
        postHook: {
          order: 'post',
          operations: ['chat_completion'],
          needs: ['response', 'texts'],
          anonymous: true,
          handler: (outcome) => (outcome.ok ? { ...outcome, usage: undefined } : outcome),
        },
      },
      close() {},
      services: { clock: { now: () => 0 } },
    }
  },
})

export const operations = definePlugin({
  name: 'fewer-dimensions',
  setup: () => ({
    hooks: {
      preRequest: {
        async: true,
        operations: ['embedding', 'rerank'],
        needs: 'canonical',
        async handler(ctx) {
          if (ctx.embedding) ctx.request = { ...ctx.embedding, dimensions: 256 }
          if (!ctx.rerank) return undefined
          const { embeddings } = await ctx.embed(
            { model: 'openai/small', inputs: [{ type: 'text', text: ctx.rerank.query }] },
            { reason: 'rank' },
          )
          return { answer: { kind: 'rerank', model: 'own', results: embeddings.map((_, index) => ({ index, score: 1 })) } }
        },
      },
      postHook: {
        needs: 'response',
        handler(outcome) {
          if (outcome.ok && outcome.answer?.kind === 'count_tokens') return { ...outcome, answer: { ...outcome.answer, inputTokens: 1 } }
          return undefined
        },
      },
    },
  }),
})

definePlugin({
  name: 'no-chat',
  setup: () => ({
    // @ts-expect-error vectors may be absent: the operation may be another
    hooks: { preRequest: (ctx) => void ctx.embedding.inputs },
  }),
})

export const plain = definePlugin({ name: 'plain', setup: async () => ({}) })

declare const tools: PluginTools
void typical.setup({ models: { all: true, names: new Set(), allows: () => true }, limit: 1 }, tools)

// @ts-expect-error the configuration is typed by the schema also for tests
void typical.setup({ models: 'all', limit: 1 }, tools)

// @ts-expect-error a name is needed
definePlugin({ setup: () => ({}) })

definePlugin({
  name: 'wrong-field',
  config: z.strictObject({ limit: z.number() }),
  // @ts-expect-error the schema knows no such field
  setup: ({ limits }) => ({ close: () => void limits }),
})

definePlugin({
  name: 'no-schema',
  // @ts-expect-error without a schema there is no configuration
  setup: ({ limit }: { limit: number }) => ({ close: () => void limit }),
})

definePlugin({
  name: 'undeclared-async',
  setup: () => ({
    hooks: {
      // @ts-expect-error a handler that waits says async: true
      governance: async () => undefined,
    },
  }),
})

definePlugin({
  name: 'undeclared-async-entry',
  setup: () => ({
    hooks: {
      // @ts-expect-error a handler that waits says async: true
      governance: { handler: async () => undefined },
    },
  }),
})

definePlugin({
  name: 'async-stream',
  setup: () => ({
    hooks: {
      // @ts-expect-error the stream hook cannot wait
      stream: { async: true, handler: async () => [] },
    },
  }),
})

definePlugin({
  name: 'unknown-hook',
  setup: () => ({
    hooks: {
      // @ts-expect-error there is no such hook
      preRequst: () => undefined,
    },
  }),
})

definePlugin({
  name: 'wrong-answer',
  setup: () => ({
    hooks: {
      // @ts-expect-error a refusal is a GatewayError
      governance: () => 'no',
    },
  }),
})

definePlugin({
  name: 'wrong-need',
  setup: () => ({
    hooks: {
      // @ts-expect-error there is no such need
      preRequest: { needs: 'everything', handler: () => undefined },
    },
  }),
})

definePlugin({
  name: 'wrong-part',
  // @ts-expect-error setup returns hooks, close and services
  setup: () => ({ hook: {} }),
})

export function edits(ctx: Context, body: JsonObject): void {
  // @ts-expect-error the request is replaced, not edited in place
  ctx.request.messages.push({ role: 'user', parts: [] })
  // @ts-expect-error canonical fields have their own types
  ctx.request = { ...ctx.request, temperature: body }
}
