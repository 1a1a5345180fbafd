import type { Drop } from '../../../core/format.ts'
import { hint, hintUnless } from '../shared/drops.ts'
import { NAME } from './types.ts'

/** What the Responses API has no place for (decision D13). */
export const DROPS: readonly Drop[] = [
  hint('topK', 'top_k'),
  hint('seed', 'seed'),
  hint('prediction', 'prediction'),
  hint('toolChoice', 'tool_choice', (request) => !request.tools?.length),
  ...hintUnless('presencePenalty', 'presence_penalty', (request) => request.presencePenalty === 0),
  ...hintUnless('frequencyPenalty', 'frequency_penalty', (request) => request.frequencyPenalty === 0),
  ...hintUnless('choices', 'n', (request) => request.choices === 1),
  { field: 'stop', param: 'stop', kind: 'meaning', when: (request) => (request.stop?.length ?? 0) > 0 },
  { field: 'logitBias', param: 'logit_bias', kind: 'meaning' },
  { field: 'audio', param: 'audio', kind: 'meaning' },
  {
    field: 'modalities',
    param: 'modalities',
    kind: 'meaning',
    when: ({ modalities }) => modalities?.some((kind) => kind !== 'text') === true,
  },
  {
    field: 'tools',
    param: 'tools',
    kind: 'meaning',
    when: ({ tools }) =>
      tools?.some(
        (tool) => tool.kind === 'server' && tool.format !== NAME && tool.name !== 'web_search' && tool.name !== 'code_execution',
      ) === true,
  },
]
